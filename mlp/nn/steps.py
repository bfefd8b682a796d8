"""Step rules: how parameters move, given the gradient. One definition for every training loop of the project.

A rule owns its parameters, which change in place, and whatever arrays it needs beside them (a velocity, averages). A
step has three parts, so that a caller can accumulate the gradient straight into the arrays where the rule wants it:

    rule.set_rate(rate)  # as often as it changes
    rule.prepare()
    for accumulator, g in zip(rule.accumulators, gradient):
        accumulator += rule.factor * g
    rule.finish()

Rate, momentum and weight decay are numbers. For the cells of a stack they may also be arrays (cells,), see
`GradientDescent.configure`: each cell then takes the step that it would take alone.

A new rule is a class here and a name in `RULES`. It must work element by element, and leave an element at 0 whose
gradient is 0 (the engine pads its arrays with zeros).
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = float | NDArray  # one number for all cells, or one for each (cells,)
Spread: TypeAlias = Callable[[NDArray], list[NDArray]]


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
    steps = 0  # taken so far, by a rule that counts them

    def __init__(self, parameters: list[NDArray], momentum: float, weight_decay: float) -> None:
        self.arrays = [parameters, *([np.zeros_like(array) for array in parameters] for _ in range(self.state_arrays))]
        # Python's floats take the type of the arrays; NumPy's float64 would not.
        self.configure(float(momentum), float(weight_decay))

    def configure(self, momentum: Values, weight_decay: Values, spread: Spread | None = None) -> None:
        """Set momentum and weight decay.

        Parameters
        ----------
        momentum, weight_decay : float or (cells,)
        spread : callable
            Needed if anything differs between cells, the learning rate included: it makes of values (cells,) an array
            for each parameter array, which broadcasts to it.
        """
        self.momentum, self.weight_decay, self.spread = momentum, weight_decay, spread
        self.momenta = self.factors(momentum)

    def factors(self, values: Values) -> Sequence[Values]:
        """Values as a factor of each parameter array."""
        if isinstance(values, np.ndarray):
            assert self.spread is not None
            return self.spread(values)
        return [values] * len(self.parameters)

    def set_rate(self, rate: Values) -> None:
        """Set the learning rate of the next steps."""
        self.rate = rate
        self.kept = self.factors(1 - rate * self.weight_decay) if np.any(self.weight_decay) else []

    @property
    def parameters(self) -> list[NDArray]:
        """What is learned."""
        return self.arrays[0]

    @property
    def accumulators(self) -> list[NDArray]:
        """Where `factor` times the gradient is added between `prepare` and `finish`."""
        return self.arrays[-1]

    @property
    def factor(self) -> Values:
        """What the gradient is multiplied by before it is added to the accumulators."""
        return -self.rate

    def prepare(self) -> None:
        """First part of a step: after the gradient was computed, before it is added to the accumulators."""
        for parameter, kept in zip(self.parameters, self.kept, strict=False):
            parameter *= kept

    def finish(self) -> None:
        """Last part of a step: move the parameters, given what the accumulators hold now."""

    def step(self, gradient: list[NDArray], rate: float) -> None:
        """Take one whole step, given the gradient by each parameter."""
        self.set_rate(rate)
        self.prepare()
        for accumulator, g in zip(self.accumulators, gradient, strict=True):
            accumulator += self.factor * g
        self.finish()

    def transform(self, function: Callable[[list[NDArray]], list[NDArray]]) -> None:
        """Replace the parameters and every list of state arrays by a function of the list."""
        self.arrays = [function(arrays) for arrays in self.arrays]


class Momentum(GradientDescent):
    """Momentum: v <- momentum v - rate g, w <- w + v (Polyak 1964). The gradient is added straight into the velocity.

    PyTorch's velocity is not multiplied by the rate; the two agree while the rate is constant.
    """

    state_arrays = 1

    def prepare(self) -> None:
        super().prepare()
        for velocity, momentum in zip(self.accumulators, self.momenta, strict=True):
            velocity *= momentum

    def finish(self) -> None:
        for parameter, velocity in zip(*self.arrays, strict=True):
            parameter += velocity


class Nesterov(GradientDescent):
    """Nesterov momentum: v <- momentum v - rate g, w <- w + momentum v - rate g.

    Sutskever et al., "On the importance of initialization and momentum in deep learning" (ICML 2013), in the variables
    of PyTorch. Like `Momentum` it accumulates into the velocity: written with the old and the new velocity, the step
    is w <- w - momentum v_old + (1 + momentum) v_new.
    """

    state_arrays = 1

    def configure(self, momentum: Values, weight_decay: Values, spread: Spread | None = None) -> None:
        if not np.all(momentum):
            raise ValueError(f"momentum: {momentum!r} given; allowed: above 0 with the rule nesterov")
        super().configure(momentum, weight_decay, spread)
        self.ahead = self.factors(1 + momentum)

    def prepare(self) -> None:
        super().prepare()
        for parameter, velocity, momentum in zip(*self.arrays, self.momenta, strict=True):
            velocity *= momentum
            parameter -= velocity

    def finish(self) -> None:
        for parameter, velocity, ahead in zip(*self.arrays, self.ahead, strict=True):
            parameter += ahead * velocity


class Adam(GradientDescent):
    """Adam: a step along the average gradient, divided by the root of the average squared gradient.

    Step t is m <- beta1 m + (1 - beta1) g, s <- beta2 s + (1 - beta2) g²,
    w <- w - rate (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + epsilon).
    Kingma & Ba, "Adam: A Method for Stochastic Optimization" (arXiv 1412.6980), algorithm 1; with weight decay it is
    AdamW. The constant factors of m and s are applied to the step size, and not to the arrays.
    """

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
    state_arrays = 3

    def configure(self, momentum: Values, weight_decay: Values, spread: Spread | None = None) -> None:
        if np.any(momentum):
            raise ValueError(f"momentum: {momentum!r} given; allowed: 0 with the rule adam, which has its own averages")
        super().configure(momentum, weight_decay, spread)

    @property
    def factor(self) -> float:
        return 1.0

    def prepare(self) -> None:
        super().prepare()
        for gradient in self.accumulators:
            gradient.fill(0)

    def finish(self) -> None:
        self.steps += 1
        mean_factor = (1 - self.BETA1) / (1 - self.BETA1**self.steps)
        root_factor = ((1 - self.BETA2) / (1 - self.BETA2**self.steps)) ** 0.5
        sizes = self.factors(-self.rate * mean_factor / root_factor)
        for parameter, gradients, squares, gradient, size in zip(*self.arrays, sizes, strict=True):
            gradients *= self.BETA1
            gradients += gradient
            squares *= self.BETA2
            # From here on the array of the gradient takes intermediate results.
            gradient *= gradient
            squares += gradient
            np.sqrt(squares, out=gradient)
            gradient += self.EPSILON / root_factor
            np.divide(gradients, gradient, out=gradient)
            gradient *= size
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
