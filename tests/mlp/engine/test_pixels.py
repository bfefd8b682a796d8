"""Splitting images into busy and rare pixels, and cutting them into mini-batches, loses nothing."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp import Descent, generator
from mlp.engine.pixels import Batch, Images, Layout, layout_of, moved
from mlp.nn.descent import mini_batches, scaled, shifted

SIDE = 6


def images_of(rows: int, side: int = SIDE) -> np.ndarray:
    """Random images, often bright on the left, rarely on the right, never in the last column."""
    rng = np.random.default_rng(rows)
    lit = np.tile(np.linspace(1, 0, side), side)
    return rng.integers(1, 256, (rows, side**2), dtype=np.uint8) * (rng.random((rows, side**2)) < lit)


def put_together(batch: Batch, layout: Layout) -> np.ndarray:
    """The inputs that a mini-batch represents (n, pixels)."""
    pixels = np.zeros((batch.n, layout.busy.size + layout.rare.size), np.float32)
    pixels[:, layout.busy] = batch.dense[: batch.n, :-1]
    for row, (begin, end) in enumerate(zip(batch.row_starts, batch.row_starts[1:], strict=False)):
        pixels[row, layout.rare[batch.columns[begin:end]]] = batch.values[begin:end]
    return pixels


def test_busy_pixels_are_those_above_0_in_more_than_a_quarter_of_the_images() -> None:
    images = np.zeros((8, 4), np.uint8)
    images[:, 0], images[:3, 1], images[:2, 2] = 255, 1, 255
    assert layout_of(images, center=False).busy.tolist() == [0, 1]
    # When centred, every pixel that is not always 0 differs from 0 in almost every image.
    assert layout_of(images, center=True).busy.tolist() == [0, 1, 2]


@pytest.mark.parametrize("center", [False, True])
@given(batch_size=st.integers(1, 90), shift=st.integers(0, 2))
@settings(max_examples=15, deadline=None)
def test_mini_batches_are_those_of_the_readable_loop(center: bool, batch_size: int, shift: int) -> None:
    images, order = images_of(80), generator(3, "order")
    layout = layout_of(images, center)
    mean = images.mean(axis=0, dtype=np.float64) / 255 if center else 0
    expected = mini_batches(len(images), batch_size, order)
    descent = Descent(batch_size=batch_size, center=center, shift=shift)
    seen = []
    for rows, batches in Images(images, layout).mini_batches(descent, generator(3, "order")):
        seen.extend(rows)
        for batch in batches:
            some = next(expected)
            inputs = scaled(shifted(images[some], shift, order) if shift else images[some])
            np.testing.assert_allclose(put_together(batch, layout), inputs - mean, atol=1e-6)
            assert (batch.dense[: batch.n, -1] == 1).all()
    assert sorted(seen) == list(range(80))


@given(furthest=st.integers(1, 3), seed=st.integers(0, 100))
@settings(deadline=None)
def test_images_are_shifted_as_in_the_readable_loop(furthest: int, seed: int) -> None:
    images = images_of(9)
    offsets = np.random.default_rng(seed).integers(0, 2 * furthest + 1, (2, 9))
    expected = shifted(images, furthest, np.random.default_rng(seed))
    np.testing.assert_array_equal(moved(images, offsets, furthest), expected)


def test_no_float_copy_of_the_images_is_made() -> None:
    images = images_of(20_000, side=28)
    tracemalloc.start()
    split = Images(images, layout_of(images, center=False))
    for _, batches in split.mini_batches(Descent(batch_size=100), generator(0, "order")):
        for _ in batches:
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3.5 * images.nbytes  # a float32 copy would take 4 times the bytes, in addition to the split
