"""Gradient descent: step sizes, mini-batches, and the loop, for any function and for one network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, inf, pi

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from mlp.network import Layer, Network, Parameters

SCHEDULES: dict[str, Callable[["Descent", int], float]] = {
    "constant": lambda descent, epoch: 1.0,
    "exponential": lambda descent, epoch: descent.decay**epoch,
    "cosine": lambda descent, epoch: 0.5 * (1 + cos(pi * epoch / descent.epochs)),
}


@dataclass(frozen=True)
class Descent:
    """How a network walks downhill.

    Parameters
    ----------
    learning_rate : float
        Multiple of the negative gradient of the *average* cost that a step takes, in the first epoch. (Nielsen halves
        the sum of squares, so his rate of 3.0 is 1.5 here.)
    batch_size : int
        Examples of a mini-batch.
    epochs : int
        Passes over the training set.
    momentum : float in [0, 1)
        Share of the last step that is taken again: v <- momentum v - rate gradient, w <- w + v.
    schedule : {"constant", "exponential", "cosine"}
        How the rate changes from epoch to epoch: not, times `decay` each, or along half a cosine towards 0.
    decay : float in (0, 1]
        For the exponential schedule.
    center : bool
        Subtract the training set's mean image from every input.
    shift : int
        Move each training image by up to so many pixels in each direction, drawn anew every time.

    Raises
    ------
    ValueError
        For a field out of its range.
    """

    learning_rate: float = 1.5
    batch_size: int = 10
    epochs: int = 30
    momentum: float = 0.0
    schedule: str = "exponential"
    decay: float = 0.93
    center: bool = False
    shift: int = 0

    def __post_init__(self) -> None:
        for field, fits, allowed in (
            ("learning_rate", 0 < self.learning_rate < inf, "above 0"),
            ("batch_size", self.batch_size >= 1, "1 or more"),
            ("epochs", self.epochs >= 1, "1 or more"),
            ("momentum", 0 <= self.momentum < 1, "0 up to, not including, 1"),
            ("schedule", self.schedule in SCHEDULES, ", ".join(SCHEDULES)),
            ("decay", 0 < self.decay <= 1, "above 0, up to 1"),
            ("shift", self.shift >= 0, "0 or more"),
        ):
            if not fits:
                raise ValueError(f"{field}: {getattr(self, field)!r} given; allowed: {allowed}")

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        return self.learning_rate * SCHEDULES[self.schedule](self, epoch)


def descend(
    gradient: Callable[[NDArray], NDArray], start: ArrayLike, rate: float, steps: int, momentum: float = 0.0
) -> NDArray:
    """Walk downhill on any function of a vector.

    Parameters
    ----------
    gradient
        Vector (d,) to the function's gradient there (d,).
    start : (d,)

    Returns
    -------
    (steps + 1, d) float64 array: every point of the path, the start first.
    """
    path = [np.atleast_1d(np.asarray(start, dtype=np.float64))]
    velocity = np.zeros_like(path[0])
    for _ in range(steps):
        velocity = momentum * velocity - rate * gradient(path[-1])
        path.append(path[-1] + velocity)
    return np.array(path)


def mini_batches(rows: int, batch_size: int, rng: Generator) -> Iterator[NDArray]:
    """Row numbers of one epoch's mini-batches, in random order; the last batch may be smaller."""
    order = rng.permutation(rows)
    for first in range(0, rows, batch_size):
        yield order[first : first + batch_size]


def scale_of(images: NDArray) -> np.float32:
    """What makes images inputs: 1/255 for pixels 0..255 kept as uint8, 1 for floats."""
    return np.float32(1 / 255 if images.dtype == np.uint8 else 1)


def scaled(images: NDArray) -> NDArray:
    """Pixels 0..255 (uint8) as float32 in [0, 1]; float32 as it is."""
    return images * scale_of(images)


def shifted(images: NDArray, pixels: int, rng: Generator) -> NDArray:
    """Square images (n, side*side), each moved by its own random offset; what comes in from outside is dark."""
    n, side = len(images), round(images.shape[1] ** 0.5)
    padded = np.pad(images.reshape(n, side, side), ((0, 0), (pixels, pixels), (pixels, pixels)))
    down, right = rng.integers(0, 2 * pixels + 1, (2, n, 1, 1))
    rows, columns = np.arange(side)[:, None] + down, np.arange(side) + right
    return padded[np.arange(n)[:, None, None], rows, columns].reshape(n, -1)


def train(
    network: Network,
    parameters: Parameters,
    images: NDArray,
    labels: NDArray,
    descent: Descent,
    order: Generator,
    on_epoch: Callable[[int, Parameters], None] = lambda epoch, parameters: None,
) -> Parameters:
    """Train one network by mini-batch gradient descent; the readable twin of `mlp.stack.train_stack`.

    Parameters
    ----------
    parameters
        The start; left as it is.
    images : (n, inputs) uint8
        Or float32, which are not scaled.
    labels : (n,) int
    order
        Draws the order of the mini-batches and the shifts.
    on_epoch
        Called with 0 before the first step and with the number of the epoch after each.

    Returns
    -------
    Parameters
        Trained. With `center` the mean image is folded into the first biases, so that they too answer raw images.
    """
    parameters = [Layer(weights.copy(), biases.copy()) for weights, biases in parameters]
    velocity = [Layer(np.zeros_like(weights), np.zeros_like(biases)) for weights, biases in parameters]
    mean = np.float32(0)
    if descent.center:
        mean = (images.mean(axis=0, dtype=np.float64) * scale_of(images)).astype(np.float32)

    def on_raw_images() -> Parameters:
        # (x - mean) W + b = x W + (b - mean W): the same network, told of images that are not centred.
        (weights, biases), *rest = parameters
        return [Layer(weights, biases - mean @ weights if descent.center else biases), *rest]

    on_epoch(0, on_raw_images())
    for epoch in range(descent.epochs):
        rate = np.float32(descent.rate(epoch))
        for batch in mini_batches(len(images), descent.batch_size, order):
            inputs = shifted(images[batch], descent.shift, order) if descent.shift else images[batch]
            gradient = network.gradient(parameters, scaled(inputs) - mean, labels[batch])
            for layer, step, slope in zip(parameters, velocity, gradient, strict=True):
                for value, v, g in zip(layer, step, slope, strict=True):
                    v *= descent.momentum
                    v -= rate * g
                    value += v
        on_epoch(epoch + 1, on_raw_images())
    return on_raw_images()
