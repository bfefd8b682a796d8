"""Pictures from files, made to look like MNIST's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mlp.images import centred, cut_out, read_digit


def stroke(height: int = 200, width: int = 120) -> np.ndarray:
    """A thick white 1 on black, somewhere in the picture."""
    picture = np.zeros((height, width), dtype=np.uint8)
    picture[20:120, 70:90] = 255
    return picture


def saved(path, pixels, mode=None):
    Image.fromarray(pixels, mode).save(path)
    return path


def test_a_small_picture_on_a_dark_ground_is_taken_as_it_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 100, (28, 28), dtype=np.uint8)
    np.testing.assert_array_equal(read_digit(saved(tmp_path / "a.png", pixels)), pixels.ravel() / np.float32(255))


def test_ink_on_paper_and_chalk_on_a_board_are_the_same_digit(tmp_path):
    chalk = read_digit(saved(tmp_path / "chalk.png", stroke()))
    ink = read_digit(saved(tmp_path / "ink.png", 255 - stroke()))
    np.testing.assert_array_equal(chalk, ink)


def test_a_transparent_ground_is_white_paper(tmp_path):
    ink = np.zeros((200, 120, 4), dtype=np.uint8)
    ink[..., 3] = stroke()
    np.testing.assert_array_equal(
        read_digit(saved(tmp_path / "clear.png", ink)), read_digit(saved(tmp_path / "ink.png", 255 - stroke()))
    )


def test_the_digit_is_twenty_pixels_tall_with_its_mass_in_the_middle(tmp_path):
    image = read_digit(saved(tmp_path / "a.png", stroke())).reshape(28, 28)
    rows, _ = np.nonzero(image)
    assert np.ptp(rows) + 1 == 20
    mass = image.sum()
    assert (image.sum(axis=1) @ np.arange(28)) / mass == pytest.approx(14, abs=0.5)
    assert (image.sum(axis=0) @ np.arange(28)) / mass == pytest.approx(14, abs=0.5)
    assert 0 <= image.min() <= image.max() <= 1


@given(st.integers(1, 60), st.integers(1, 60))
def test_ink_of_any_size_fits_into_the_square(height, width):
    square = centred(np.ones((height, width), dtype=np.float32), 28)
    assert square.shape == (28, 28)
    rows, columns = np.nonzero(square)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20


def test_the_cut_holds_all_ink_and_nothing_more():
    pixels = np.zeros((9, 9), dtype=np.float32)
    pixels[2, 3] = pixels[5, 7] = 1
    assert cut_out(pixels).shape == (4, 5)


def test_an_enlarged_mnist_digit_comes_back_as_it_was(mnist_home, tmp_path, monkeypatch):
    from mlp import load

    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(mnist_home))
    images = load("mnist").test_images[:20].reshape(-1, 28, 28)
    alike = []
    for number, image in enumerate(images):
        large = Image.fromarray(image).resize((280, 280), Image.Resampling.NEAREST)
        paper = Image.new("L", (400, 500), "white")
        paper.paste(Image.fromarray(255 - np.asarray(large)), (7, 150))
        paper.save(tmp_path / f"{number}.png")
        alike.append(np.corrcoef(read_digit(tmp_path / f"{number}.png"), image.ravel())[0, 1])
    assert np.mean(alike) > 0.99


def test_an_empty_sheet_and_a_file_of_words_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"image: .*blank.png shows nothing; allowed: a digit"):
        read_digit(saved(tmp_path / "blank.png", np.full((50, 50), 200, dtype=np.uint8)))
    (tmp_path / "words.png").write_text("words")
    with pytest.raises(ValueError, match=r"image: .*words.png can't be read .*; allowed: a picture file"):
        read_digit(tmp_path / "words.png")
