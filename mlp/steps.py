"""Step rules: how parameters move, given the gradient. One definition for every training loop of the project.

A rule owns its parameters, which change in place, and whatever arrays it needs beside them (a velocity, averages). A
step has three parts, so that a caller can accumulate the gradient straight into the arrays where the rule wants it:

    rule.prepare(rate)
    for accumulator, slope in zip(rule.accumulators, gradient):
        accumulator += rule.factor(rate) * slope
    rule.finish(rate)

A new rule is a class here and a name in `RULES`. It must work element by element, and leave an element at 0 whose
gradient is 0 (the engine pads its arrays with zeros).
"""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


class GradientDescent:
    """Plain gradient descent, w <- w - rate g, and the base of the other rules.

    The gradient is added straight into the parameters.

    Parameters
    ----------
    parameters : list of arrays
        Changed in place by every step.
    momentum : float in [0, 1)
    weight_decay : float, 0 or more
        Every step also multiplies the parameters by 1 - rate * weight_decay. The gradient does not contain the decay
        (it is *decoupled*): Loshchilov & Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101.

    Attributes
    ----------
    arrays : list of lists of arrays
        The parameters first, then the state of the rule, which starts at 0. The gradient is accumulated into the last.
    """

    state_arrays: ClassVar[int] = 0  # that are kept for each parameter

    def __init__(self, parameters: list[NDArray], momentum: float, weight_decay: float) -> None:
        # Python's floats take the type of the arrays; NumPy's float64 would not.
        self.momentum, self.weight_decay = float(momentum), float(weight_decay)
        self.arrays = [parameters, *([np.zeros_like(array) for array in parameters] for _ in range(self.state_arrays))]

    @property
    def parameters(self) -> list[NDArray]:
        """What is learned."""
        return self.arrays[0]

    @property
    def accumulators(self) -> list[NDArray]:
        """Where `factor` times the gradient is added between `prepare` and `finish`."""
        return self.arrays[-1]

    def factor(self, rate: float) -> float:
        """What the gradient is multiplied by before it is added to the accumulators."""
        return -rate

    def prepare(self, rate: float) -> None:
        """First part of a step: after the gradient was computed, before it is added to the accumulators."""
        if self.weight_decay:
            for parameter in self.parameters:
                parameter *= 1 - rate * self.weight_decay

    def finish(self, rate: float) -> None:
        """Last part of a step: move the parameters, given what the accumulators hold now."""

    def step(self, gradient: list[NDArray], rate: float) -> None:
        """Take one whole step, given the gradient by each parameter."""
        self.prepare(rate)
        for accumulator, slope in zip(self.accumulators, gradient, strict=True):
            accumulator += self.factor(rate) * slope
        self.finish(rate)

    def transform(self, function: Callable[[list[NDArray]], list[NDArray]]) -> None:
        """Replace the parameters and every list of state arrays by a function of the list."""
        self.arrays = [function(arrays) for arrays in self.arrays]


class Momentum(GradientDescent):
    """Momentum: v <- momentum v - rate g, w <- w + v (Polyak 1964). The gradient is added straight into the velocity.

    PyTorch's velocity is not multiplied by the rate; the two agree while the rate is constant.
    """

    state_arrays = 1

    def prepare(self, rate: float) -> None:
        super().prepare(rate)
        for velocity in self.accumulators:
            velocity *= self.momentum

    def finish(self, rate: float) -> None:
        for parameter, velocity in zip(*self.arrays, strict=True):
            parameter += velocity


class Nesterov(GradientDescent):
    """Nesterov momentum: v <- momentum v - rate g, w <- w + momentum v - rate g.

    Sutskever et al., "On the importance of initialization and momentum in deep learning" (ICML 2013), in the variables
    of PyTorch. Like `Momentum` it accumulates into the velocity: written with the old and the new velocity, the step
    is w <- w - momentum v_old + (1 + momentum) v_new.
    """

    state_arrays = 1

    def __init__(self, parameters: list[NDArray], momentum: float, weight_decay: float) -> None:
        if not momentum:
            raise ValueError(f"momentum: {momentum!r} given; allowed: above 0 with the rule nesterov")
        super().__init__(parameters, momentum, weight_decay)

    def prepare(self, rate: float) -> None:
        super().prepare(rate)
        for parameter, velocity in zip(*self.arrays, strict=True):
            velocity *= self.momentum
            parameter -= velocity

    def finish(self, rate: float) -> None:
        for parameter, velocity in zip(*self.arrays, strict=True):
            parameter += (1 + self.momentum) * velocity


class Adam(GradientDescent):
    """Adam: a step along the average gradient, divided by the root of the average squared gradient.

    Step t is m <- beta1 m + (1 - beta1) g, s <- beta2 s + (1 - beta2) g²,
    w <- w - rate (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + epsilon).
    Kingma & Ba, "Adam: A Method for Stochastic Optimization" (arXiv 1412.6980), algorithm 1; with weight decay it is
    AdamW. The constant factors of m and s are applied to the step size, and not to the arrays.
    """

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
    state_arrays = 3

    def __init__(self, parameters: list[NDArray], momentum: float, weight_decay: float) -> None:
        if momentum:
            raise ValueError(f"momentum: {momentum!r} given; allowed: 0 with the rule adam, which has its own averages")
        super().__init__(parameters, momentum, weight_decay)
        self.steps = 0

    def factor(self, rate: float) -> float:
        return 1.0

    def prepare(self, rate: float) -> None:
        super().prepare(rate)
        for gradient in self.accumulators:
            gradient.fill(0)

    def finish(self, rate: float) -> None:
        self.steps += 1
        mean_factor = (1 - self.BETA1) / (1 - self.BETA1**self.steps)
        root_factor = ((1 - self.BETA2) / (1 - self.BETA2**self.steps)) ** 0.5
        for parameter, gradients, squares, gradient in zip(*self.arrays, strict=True):
            gradients *= self.BETA1
            gradients += gradient
            squares *= self.BETA2
            # From here on the array of the gradient takes intermediate results.
            gradient *= gradient
            squares += gradient
            np.sqrt(squares, out=gradient)
            gradient += self.EPSILON / root_factor
            np.divide(gradients, gradient, out=gradient)
            gradient *= -rate * mean_factor / root_factor
            parameter += gradient


def sgd(parameters: list[NDArray], momentum: float, weight_decay: float) -> GradientDescent:
    """Gradient descent, plain or with momentum."""
    return (Momentum if momentum else GradientDescent)(parameters, momentum, weight_decay)


# A function of the parameters, the momentum and the weight decay; it raises ValueError for a momentum it can't use.
RULES: dict[str, Callable[[list[NDArray], float, float], GradientDescent]] = {
    "sgd": sgd,
    "nesterov": Nesterov,
    "adam": Adam,
}
