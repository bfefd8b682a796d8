"""A picture that holds no single digit is refused with the reason; MNIST's own images are never touched."""

import numpy as np
import pytest
from PIL import Image

from mlp.data.pictures import read_digit


def noisy(picture, deviation=6):
    return (picture + np.random.default_rng(0).normal(0, deviation, picture.shape)).clip(0, 255).astype(np.uint8)


def blank(side: int = 280) -> np.ndarray:
    return np.full((side, side), 200)


def dot(radius: int) -> np.ndarray:
    y, x = np.mgrid[-140:140, -140:140]
    return np.where(x**2 + y**2 < radius**2, 50, 200)


def clouds(power: float) -> np.ndarray:
    """Noise like that of photographs: the amplitude falls with a power of the frequency."""
    frequency = np.hypot(np.fft.fftfreq(280)[:, None], np.fft.rfftfreq(280))
    frequency[0, 0] = 1
    phases = np.exp(2j * np.pi * np.random.default_rng(2).random(frequency.shape))
    noise = np.fft.irfft2(phases / frequency**power, s=(280, 280))
    return 255 * (noise - noise.min()) / np.ptp(noise)


NOTHING = {
    "blank": noisy(blank()),
    "blank, 28 x 28": blank(28).astype(np.uint8),
    "black": np.zeros((280, 280), np.uint8),
    "black, 28 x 28": np.zeros((28, 28), np.uint8),
    "blank and shaded": noisy(blank() * np.linspace(1, 0.7, 280)),
    "a blank sheet on a table": noisy(np.pad(blank(), 100, constant_values=80)),
    "a dot": noisy(dot(4)),
    "a blot": noisy(dot(70)),
    "uniform noise": np.random.default_rng(0).integers(0, 256, (280, 280), np.uint8),
    "clouds, 1/f": clouds(1).astype(np.uint8),
    "clouds, 1/f^1.5": clouds(1.5).astype(np.uint8),
}


@pytest.mark.parametrize("kind", NOTHING)
def test_a_picture_of_no_digit_is_refused(kind, saved):
    with pytest.raises(ValueError, match=r"shows nothing|too little ink|too much ink|several"):
        read_digit(saved(NOTHING[kind]))


@pytest.mark.parametrize("side", [28, 280])
def test_a_black_picture_shows_nothing_at_any_size(side, saved):
    with pytest.raises(
        ValueError, match="shows nothing, or nothing but what reaches the edge; allowed: a single digit"
    ):
        read_digit(saved(np.zeros((side, side), np.uint8)))


@pytest.mark.parametrize(
    ("text", "size"), [("47", 150), ("4 7", 100), ("12\n34", 100), ("word", 90), ("A page\nof text\nin lines", 45)]
)
def test_several_digits_are_refused_as_such(text, size, drawn, saved):
    with pytest.raises(ValueError, match="shows several digits; allowed: a single digit"):
        read_digit(saved(drawn(text, size)))


@pytest.mark.parametrize("shape", [(1, 1000), (3, 500), (2000, 1)])
def test_a_picture_that_is_too_narrow_is_refused(shape, saved):
    with pytest.raises(ValueError, match="pixels wide"):
        read_digit(saved(np.zeros(shape, np.uint8)))


def test_mnists_own_images_are_taken_pixel_by_pixel(mnist, saved):
    for image in mnist.test_images[:100]:
        read = read_digit(saved(image.reshape(28, 28)))
        np.testing.assert_array_equal(read, image / np.float32(255))


def test_an_enlarged_mnist_digit_on_paper_comes_back_as_it_was(mnist, saved):
    alike = []
    for image in mnist.test_images[:20]:
        large = Image.fromarray(image.reshape(28, 28)).resize((280, 280), Image.Resampling.NEAREST)
        paper = Image.new("L", (400, 500), "white")
        paper.paste(Image.fromarray(255 - np.asarray(large)), (7, 150))
        alike.append(np.corrcoef(read_digit(saved(np.asarray(paper))), image)[0, 1])
    assert np.mean(alike) > 0.97
