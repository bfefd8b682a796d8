"""The network as a scikit-learn estimator."""

from typing import Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from mlp.descent import Descent, scaled
from mlp.layers import Layers
from mlp.network import Network
from mlp.pixels import Images, layout_of
from mlp.randomness import generator
from mlp.stack import run_epoch


class MLPClassifier(ClassifierMixin, BaseEstimator):
    """Multilayer perceptron, trained by mini-batch gradient descent.

    Parameters
    ----------
    hidden_sizes : sequence of int
        Neurons of each hidden layer.
    activation, cost, start : str
        See `mlp.Network`.
    learning_rate, batch_size, epochs, momentum, schedule, decay
        See `mlp.Descent`.
    random_state : int, RandomState or None
        An int is the seed of the start and of the order of the mini-batches: what `mlp.generator` makes of it.

    Attributes
    ----------
    classes_ : (classes,) array
        The labels, sorted.
    n_features_in_ : int
    network_ : Network
    parameters_ : Parameters
        The trained weights and biases.

    Notes
    -----
    Inputs of type uint8 are taken for pixels and divided by 255. All others are taken as they are: scale them to
    about [0, 1] or to unit variance first.
    """

    def __init__(
        self,
        hidden_sizes: tuple[int, ...] = (16, 16),
        activation: str = "sigmoid",
        cost: str = "quadratic",
        start: str = "fan_in",
        learning_rate: float = 1.5,
        batch_size: int = 10,
        epochs: int = 30,
        momentum: float = 0.0,
        schedule: str = "exponential",
        decay: float = 0.93,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.hidden_sizes = hidden_sizes
        self.activation = activation
        self.cost = cost
        self.start = start
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.momentum = momentum
        self.schedule = schedule
        self.decay = decay
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : (n, inputs)
        y : (n,) labels of any type

        Raises
        ------
        ValueError
            For bad input, or when the weights did not stay finite.
        """
        inputs, y = validate_data(self, X, y, dtype=[np.float32, np.uint8])
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        sizes = (inputs.shape[1], *self.hidden_sizes, len(self.classes_))
        self.network_ = Network(sizes, self.activation, self.cost, self.start)
        descent = Descent(self.learning_rate, self.batch_size, self.epochs, self.momentum, self.schedule, self.decay)
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31)
        images = Images(inputs, layout_of(inputs, descent.center))
        # With mini-batches of its own, a network stands in no group, which would be filled up with zeros.
        start = self.network_.initialize(generator(seed, "start"))
        layers = Layers(self.network_, [start], images.layout, shared=False, momentum=descent.momentum)
        order = generator(seed, "order")
        # On products this small, BLAS threads only wait for each other.
        with threadpool_limits(1, "blas"):
            for epoch in range(descent.epochs):
                run_epoch(layers, images, labels[np.newaxis], descent, epoch, [order])
        (self.parameters_,) = layers.parameters()
        if not all(np.isfinite(array).all() for layer in self.parameters_ for array in layer):
            raise ValueError(f"learning_rate: {self.learning_rate} given; too large: the weights did not stay finite")
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Output activations of each example, scaled to sum 1 (n, classes)."""
        check_is_fitted(self)
        inputs = validate_data(self, X, dtype=[np.float64, np.float32, np.uint8], reset=False)
        # With tiny, activations that all underflowed to 0 become equal.
        answers = self.network_.answers(self.parameters_, scaled(inputs)) + np.finfo(np.float32).tiny
        return answers / answers.sum(axis=1, keepdims=True)

    def predict(self, X: ArrayLike) -> NDArray:
        """The label of the largest activation for each example (n,)."""
        chosen = self.predict_proba(X).argmax(axis=1)
        return self.classes_[chosen]
