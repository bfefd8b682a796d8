"""Digits are read on the paper that people have, and in the light in which they photograph it."""

from contextlib import suppress

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage.morphology import dilation, disk, skeletonize

from mlp import MLPClassifier
from mlp.data.pictures import read_digit

SIZE = 280


def noise(picture, rng, deviation=2):
    return picture + rng.normal(0, deviation, picture.shape)


def shading(picture, rng, share=0.2):
    return noise(picture * np.linspace(1, 1 - share, SIZE), rng)


def vignette(picture, rng):
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    return noise(picture * (1 - 0.2 * (x**2 + y**2)), rng)


def frame(picture, rng):
    picture = picture.copy()
    picture[:12] = picture[-7:] = picture[:, :5] = picture[:, -14:] = 20
    return noise(picture, rng)


def ruled(picture, rng, squared=False):
    paper = Image.fromarray(picture)
    pen, start = ImageDraw.Draw(paper), int(rng.integers(35))
    for place in range(start, SIZE, 35):
        pen.line([(0, place), (SIZE, place + 5)], fill=120, width=2)
        if squared:
            pen.line([(place, 0), (place - 5, SIZE)], fill=120, width=2)
    return noise(np.minimum(picture, paper), rng)


def specks(picture, rng):
    paper = Image.fromarray(picture)
    for x, y in rng.integers(5, 30, (3, 2)):
        ImageDraw.Draw(paper).ellipse([x - 4, SIZE - y - 4, x + 4, SIZE - y + 4], fill=30)
    return noise(np.asarray(paper), rng)


def pencil(picture, rng):
    line = dilation(skeletonize(picture < 125), disk(1))
    return noise(np.where(line, 130, 200), rng)


def thick_pen(picture, rng):
    return noise(255 - dilation(255 - picture, disk(8)), rng)


KINDS = {
    "noise of 3 levels": lambda picture, rng: noise(picture, rng, 3),
    "noise of 6 levels": lambda picture, rng: noise(picture, rng, 6),
    "shading of 10 %": lambda picture, rng: shading(picture, rng, 0.1),
    "shading of 20 %": shading,
    "a vignette": vignette,
    "a scanner's frame": frame,
    "ruled paper": ruled,
    "squared paper": lambda picture, rng: ruled(picture, rng, squared=True),
    "specks": specks,
    "a thin pencil": pencil,
    "a thick pen": thick_pen,
    "light ink on dark paper": lambda picture, rng: noise(255 - picture.astype(int), rng),
    "a corner of a large sheet": lambda picture, rng: noise(
        np.pad(picture, ((50, 150), (30, 200)), constant_values=200), rng
    ),
}


@pytest.fixture(scope="module")
def network(mnist):
    return MLPClassifier(hidden_sizes=(64,), epochs=5, random_state=0).fit(mnist.train_images, mnist.train_labels)


@pytest.mark.parametrize("kind", KINDS)
def test_nine_of_ten_test_digits_are_read_right(kind, mnist, network, saved):
    rng, right = np.random.default_rng(0), 0
    for image, label in zip(mnist.test_images[20:30], mnist.test_labels[20:30], strict=True):
        share = Image.fromarray(image.reshape(28, 28)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        drawing = (200 - np.asarray(share) * (150 / 255)).astype(np.uint8)
        path = saved(KINDS[kind](drawing, rng).clip(0, 255).astype(np.uint8))
        with suppress(ValueError):
            right += int(network.predict(read_digit(path)[None])[0] == label)
    assert right >= 9
