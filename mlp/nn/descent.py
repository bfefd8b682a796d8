"""Gradient descent: learning rates, mini-batches, and the training loop, for any function and for one network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, inf, pi

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from mlp.data.image_shape import image_shape
from mlp.nn.network import Layer, Network, Parameters
from mlp.nn.steps import RULES, GradientDescent

SCHEDULES: dict[str, Callable[["Descent", int], float]] = {
    "constant": lambda descent, epoch: 1.0,
    "exponential": lambda descent, epoch: descent.decay**epoch,
    "cosine": lambda descent, epoch: 0.5 * (1 + cos(pi * epoch / descent.epochs)),
}

MINI_BATCHES = ("batch_size", "center", "shift")  # the fields that decide what a step reads


@dataclass(frozen=True)
class Descent:
    """Hyperparameters of mini-batch gradient descent.

    Parameters
    ----------
    learning_rate : float
        The rate of the first epoch. It multiplies the gradient of the *average* cost. (Nielsen halves the sum of
        squares, so his rate of 3.0 is 1.5 here.)
    batch_size : int
        Examples per mini-batch.
    epochs : int
        Passes over the training set.
    momentum : float in [0, 1)
        Share of the previous step that is added to the next. 0 for "adam", above 0 for "nesterov".
    schedule : {"constant", "exponential", "cosine"}
        The rate stays constant, is multiplied by `decay` after each epoch, or follows half a cosine towards 0.
    decay : float in (0, 1]
        For the exponential schedule.
    center : bool
        Subtract the mean image of the training set from every input.
    shift : int
        Shift each training image by up to this many pixels in each direction, at random in every epoch.
    rule : {"sgd", "nesterov", "adam"}
        How a gradient moves the parameters, see `mlp.nn.steps`. "sgd" without momentum is plain gradient descent.
    weight_decay : float
        Each step also multiplies weights and biases by 1 - rate * weight_decay, as PyTorch's AdamW does. For plain
        gradient descent this is L2 regularization.
    dropout : float in [0, 1)
        Share of the hidden activations that are dropped, at random in every step, see `dropout_mask`.

    Raises
    ------
    ValueError
        If a field is out of its range, or the rule can't use the momentum.

    Examples
    --------
    >>> from mlp import Descent
    >>> Descent(learning_rate=2.0, decay=0.5).rate(epoch=2)
    0.5
    """

    learning_rate: float = 1.5
    batch_size: int = 10
    epochs: int = 30
    momentum: float = 0.0
    schedule: str = "exponential"
    decay: float = 0.93
    center: bool = False
    shift: int = 0
    rule: str = "sgd"
    weight_decay: float = 0.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for field, fits, allowed in (
            ("learning_rate", 0 < self.learning_rate < inf, "above 0"),
            ("batch_size", self.batch_size >= 1, "1 or more"),
            ("epochs", self.epochs >= 1, "1 or more"),
            ("momentum", 0 <= self.momentum < 1, "0 up to, not including, 1"),
            ("schedule", self.schedule in SCHEDULES, ", ".join(SCHEDULES)),
            ("decay", 0 < self.decay <= 1, "above 0, up to 1"),
            ("shift", self.shift >= 0, "0 or more"),
            ("rule", self.rule in RULES, ", ".join(RULES)),
            ("weight_decay", 0 <= self.weight_decay < inf, "0 or more"),
            ("dropout", 0 <= self.dropout < 1, "0 up to, not including, 1"),
        ):
            if not fits:
                raise ValueError(f"{field}: {getattr(self, field)!r} given; allowed: {allowed}")
        self.step_rule([])

    def step_rule(self, parameters: list[NDArray]) -> GradientDescent:
        """The rule that moves these arrays, in place, in its initial state."""
        return RULES[self.rule](parameters, self.momentum, self.weight_decay)

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        return float(self.learning_rate) * SCHEDULES[self.schedule](self, epoch)


@dataclass(frozen=True)
class CellJob:
    """One network to be trained: by `train`, or with others by `mlp.engine.stack.train_stack`.

    Parameters
    ----------
    start : Parameters
        Not changed.
    train_labels : (n,) int
        The labels that the network is trained on; for `train` also targets (n, outputs).
    descent : Descent
    batch_rng : Generator, optional
        Draws the order of the mini-batches and the shifts. None for a cell of a stack that shares its mini-batches.
    dropout_rng : Generator, optional
        Draws the dropped activations; needed with dropout.

    Raises
    ------
    ValueError
        If the descent has dropout, and no generator for it is given.
    """

    start: Parameters
    train_labels: NDArray
    descent: Descent
    batch_rng: Generator | None = None
    dropout_rng: Generator | None = None

    def __post_init__(self) -> None:
        if self.descent.dropout and self.dropout_rng is None:
            raise ValueError(
                f"dropout_rng: none given, with a dropout of {self.descent.dropout:g}; allowed: a generator"
            )


def descend(
    gradient: Callable[[NDArray], NDArray],
    start: ArrayLike,
    rate: float,
    steps: int,
    momentum: float = 0.0,
    rule: str = "sgd",
) -> NDArray:
    """Minimize any function of a vector by gradient descent.

    Parameters
    ----------
    gradient : callable
        Maps a point (d,) to the gradient of the function there (d,).
    start : (d,)
    rate : float
        The constant learning rate.
    steps : int
    momentum : float in [0, 1)
    rule : {"sgd", "nesterov", "adam"}
        See `mlp.nn.steps`.

    Returns
    -------
    (steps + 1, d) float64 array
        Every point of the path, the start first.

    Raises
    ------
    ValueError
        If the rule can't use the momentum.

    Examples
    --------
    >>> from mlp import descend
    >>> def slope(point):  # of 3/2 x² + 1/2 y²
    ...     return point * [3, 1]
    >>> path = descend(slope, start=[1, 1], rate=0.5, steps=2)
    >>> path.tolist()
    [[1.0, 1.0], [-0.5, 0.5], [0.25, 0.25]]
    """
    point = np.array(start, dtype=np.float64, ndmin=1)
    path, step_rule = [point.copy()], RULES[rule]([point], momentum, 0.0)
    for _ in range(steps):
        step_rule.step([gradient(point.copy())], rate)
        path.append(point.copy())
    return np.array(path)


def mini_batches(rows: int, batch_size: int, rng: Generator) -> Iterator[NDArray]:
    """Row numbers of one epoch's mini-batches, in random order; the last mini-batch may be smaller."""
    order = rng.permutation(rows)
    for first in range(0, rows, batch_size):
        yield order[first : first + batch_size]


def scale_of(images: NDArray) -> np.float32:
    """The factor that scales images to inputs: 1/255 for uint8 pixels, 1 for floats."""
    return np.float32(1 / 255 if images.dtype == np.uint8 else 1)


def scaled(images: NDArray) -> NDArray:
    """Images as the network's inputs: uint8 pixels 0..255 as float32 in [0, 1], floats unchanged."""
    return images * scale_of(images)


def mean_input(images: NDArray) -> NDArray:
    """The mean image (pixels,), scaled as the network's inputs are; float32."""
    return (images.mean(axis=0, dtype=np.float64) * scale_of(images)).astype(np.float32)


def shifted(images: NDArray, pixels: int, rng: Generator) -> NDArray:
    """Square images (n, pixels), each shifted by a random offset of its own; the vacated pixels are 0."""
    n, (channels, side, _) = len(images), image_shape(images.shape[1])
    padded = np.pad(images.reshape(n, channels, side, side), ((0, 0), (0, 0), (pixels, pixels), (pixels, pixels)))
    down, right = rng.integers(0, 2 * pixels + 1, (2, n, 1, 1, 1))
    rows, columns = np.arange(side)[:, None] + down, np.arange(side) + right
    return padded[np.arange(n)[:, None, None, None], np.arange(channels)[:, None, None], rows, columns].reshape(n, -1)


def dropout_mask(n: int, neurons: int, share: float, rng: Generator) -> NDArray:
    """Factors of the activations of a hidden layer in one step, (n, neurons) float32: 0 for dropped ones.

    Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting". The others are
    multiplied by 1 / (1 - share): the next layer gets as much on average as from the trained network, which drops none.
    """
    return (rng.random((n, neurons), np.float32) >= share) / np.float32(1 - share)


def train(
    network: Network,
    job: CellJob,
    images: NDArray,
    on_epoch: Callable[[int, Parameters], None] = lambda epoch, parameters: None,
    on_step: Callable[[int, Parameters], None] = lambda step, parameters: None,
) -> Parameters:
    """Train one network by mini-batch gradient descent; the readable counterpart of `mlp.engine.stack.train_stack`.

    Parameters
    ----------
    network : Network
    job : CellJob
        With a `batch_rng`.
    images : (n, inputs) uint8 or float32
        uint8 pixels are scaled to [0, 1], floats are used unchanged.
    on_epoch : callable
        Called with the number of the epoch and the parameters: with 0 before the first step, then after each epoch.
    on_step : callable
        Called with the number of the step, from 1, and the parameters after each step.

    Returns
    -------
    Parameters
        The trained network. With `center`, the mean image is folded into the first biases: the network expects images
        that are not centred.

    Raises
    ------
    ValueError
        If the job has no `batch_rng`.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import CellJob, Descent, Network, generator, load, train
    >>> data, network = load("digits", rows=500), Network()
    >>> start = network.initialize(generator(0, "start"))
    >>> job = CellJob(start, data.train_labels, Descent(epochs=20), generator(0, "order"))
    >>> trained = train(network, job, data.train_images)
    >>> answers = network.answers(trained, data.test_images / np.float32(255))
    >>> bool((answers.argmax(axis=1) == data.test_labels).mean() > 0.7)
    True
    """
    descent, batch_rng, labels = job.descent, job.batch_rng, job.train_labels
    if batch_rng is None:
        raise ValueError("batch_rng: none given; allowed: a generator")
    parameters = [Layer(weights.copy(), biases.copy()) for weights, biases in job.start]
    rule = descent.step_rule([array for layer in parameters for array in layer])
    mean = mean_input(images) if descent.center else np.float32(0)

    def for_raw_images() -> Parameters:
        # (x - mean) W + b = x W + (b - mean W): the same network for images that are not centred.
        (weights, biases), *rest = parameters
        return [Layer(weights, biases - mean @ weights if descent.center else biases), *rest]

    step = 0
    on_epoch(0, for_raw_images())
    for epoch in range(descent.epochs):
        rate = descent.rate(epoch)
        for batch in mini_batches(len(images), descent.batch_size, batch_rng):
            inputs = shifted(images[batch], descent.shift, batch_rng) if descent.shift else images[batch]
            masks = [dropout_mask(len(batch), size, descent.dropout, job.dropout_rng) for size in network.sizes[1:-1]
                     if job.dropout_rng and descent.dropout]  # fmt: skip
            gradient = network.gradient(parameters, scaled(inputs) - mean, labels[batch], masks)
            rule.step([array for layer in gradient for array in layer], rate)
            step += 1
            on_step(step, for_raw_images())
        on_epoch(epoch + 1, for_raw_images())
    return for_raw_images()
