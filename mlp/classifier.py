"""The network as a scikit-learn estimator."""

import warnings
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from mlp._internals import estimators
from mlp.data.randomness import generator
from mlp.engine.trainer import Examples, Trainer, warn_of_dark, warn_of_large
from mlp.nn.activations import ACTIVATIONS
from mlp.nn.costs import COSTS
from mlp.nn.descent import SCHEDULES, Descent, scaled
from mlp.nn.network import STARTS, Network, Parameters
from mlp.nn.pickles import VersionedPickle
from mlp.nn.steps import RULES

Interval, StrOptions = estimators.Interval, estimators.StrOptions
POSITIVE = Interval(Integral, 1, None, closed="left")


class MLPClassifier(VersionedPickle, ClassifierMixin, BaseEstimator):
    """Multilayer perceptron, trained by mini-batch gradient descent.

    Parameters
    ----------
    hidden_sizes : sequence of int
        Neurons of each hidden layer.
    activation, cost, start : str
        See `mlp.Network`.
    learning_rate, batch_size, epochs, momentum, schedule, decay, rule, weight_decay, dropout
        See `mlp.Descent`. A batch size above the number of examples means all of them.
    random_state : int, RandomState or None
        An int is the seed of the start and of the order of the mini-batches, as `mlp.generator` uses it.
    warm_start : bool
        Whether `fit` continues with the parameters of the last `fit`, for `epochs` more epochs.
    early_stopping : bool
        Whether `fit` sets examples aside for validation, stops when their accuracy no longer improves, and keeps the
        parameters of the best epoch.
    validation_fraction : float in (0, 1)
        Share of the examples of each class that is set aside.
    n_iter_no_change : int
        Epochs without a new best validation accuracy after which training stops.
    verbose : bool
        Whether to print the cost after each epoch.

    Attributes
    ----------
    classes_ : (classes,) array
        The labels, sorted.
    n_features_in_ : int
    network_ : Network
    parameters_ : Parameters
        The trained weights and biases.
    n_iter_ : int
        Epochs of the last `fit`, and of every `partial_fit` since.
    loss_curve_ : list of float
        The average cost of the training examples after each of these epochs.
    validation_scores_ : list of float or None
        Validation accuracy after each epoch of the last `fit`; None without `early_stopping`.

    Notes
    -----
    Inputs of type uint8 are pixels, and are divided by 255. All others are used unchanged: scale them to about [0, 1]
    or to unit variance. Inputs that are too large for that cause a warning, and so does training that diverges or does
    not learn (a ConvergenceWarning).

    Examples
    --------
    >>> from mlp import MLPClassifier, load
    >>> data = load("digits")
    >>> classifier = MLPClassifier(epochs=10, random_state=0).fit(data.train_images, data.train_labels)
    >>> classifier.predict_proba(data.test_images).shape
    (359, 10)
    >>> classifier.score(data.test_images, data.test_labels) > 0.8
    True
    """

    classes_: NDArray
    network_: Network
    parameters_: Parameters
    n_iter_: int
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    _trainer: Trainer

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_sizes": ["array-like"],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "cost": [StrOptions(set(COSTS))],
        "start": [StrOptions(set(STARTS))],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [POSITIVE],
        "epochs": [POSITIVE],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "schedule": [StrOptions(set(SCHEDULES))],
        "decay": [Interval(Real, 0, 1, closed="right")],
        "rule": [StrOptions(set(RULES))],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [POSITIVE],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        hidden_sizes: tuple[int, ...] = Network.sizes[1:-1],
        activation: str = Network.activation,
        cost: str = Network.cost,
        start: str = Network.start,
        learning_rate: float = Descent.learning_rate,
        batch_size: int = Descent.batch_size,
        epochs: int = Descent.epochs,
        momentum: float = Descent.momentum,
        schedule: str = Descent.schedule,
        decay: float = Descent.decay,
        random_state: int | RandomState | None = None,
        rule: str = Descent.rule,
        weight_decay: float = Descent.weight_decay,
        warm_start: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        verbose: bool = False,
        dropout: float = Descent.dropout,
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
        self.rule = rule
        self.weight_decay = weight_decay
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.verbose = verbose
        self.dropout = dropout

    @estimators.fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train a network: a new one, or with `warm_start` that of the last `fit`.

        Parameters
        ----------
        X : (n, inputs) array or sparse matrix
        y : (n,) labels of any type
        sample_weight : (n,), optional
            Factors of the examples' costs. Only their ratios matter.

        Raises
        ------
        ValueError
            For bad input.
        """
        warm = self.warm_start and hasattr(self, "parameters_")
        inputs, y, weights = self._check_data(X, y, sample_weight, reset=not warm)
        classes, labels = np.unique(y, return_inverse=True)
        if warm and not np.array_equal(classes, self.classes_):
            raise ValueError(f"warm_start: classes {classes} given; allowed: those of the last fit, {self.classes_}")
        self.classes_ = classes
        seed = self._initialize(inputs, self.parameters_ if warm else None)
        rows, best, scores = np.arange(len(labels)), self.parameters_, list[float]()
        if self.early_stopping:
            rows, held_out = train_test_split(rows, test_size=self.validation_fraction, stratify=y, random_state=seed)
            validation, self.validation_scores_ = self._trainer.examples(inputs, labels, weights, held_out), scores
        training = self._trainer.examples(inputs, labels, weights, rows)
        with threadpool_limits(1, "blas"):  # the products are too small to gain from threads
            for epoch in range(self.epochs):
                if not self._train(training, epoch):
                    break
                if self.early_stopping:
                    scores.append(self._trainer.measure(validation)[1])
                    best_epoch = int(np.argmax(scores))
                    if best_epoch == epoch:
                        best = self.parameters_
                    elif epoch - best_epoch >= self.n_iter_no_change:
                        break
        if self.early_stopping:
            self.parameters_ = best
            self._trainer.reset(best)
        constant = self._trainer.constant_cost(training)
        if self.loss_curve_ and self.loss_curve_[-1] >= constant > 0:
            costs = f"cost {self.loss_curve_[-1]:.3g}; one answer to all examples costs {constant:.3g}"
            advice = f"change learning_rate ({self.learning_rate}), or train longer"
            warnings.warn(f"the network did not learn ({costs}): {advice}", ConvergenceWarning, stacklevel=3)
        return self

    @estimators.fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one epoch on some examples, at the learning rate of the first epoch.

        Parameters
        ----------
        X : (n, inputs) array or sparse matrix
        y : (n,) labels of any type
        classes : array of all labels
            Needed in the first call.
        sample_weight : (n,), optional
            Factors of the examples' costs. Only their ratios within a call matter.

        Raises
        ------
        ValueError
            For bad input, labels that are not in `classes`, or with `early_stopping`.
        """
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        inputs, y, weights = self._check_data(X, y, sample_weight, reset=not hasattr(self, "parameters_"))
        if estimators.check_partial_fit_first_call(self, classes):
            self._initialize(inputs, None)
        if (unknown := np.setdiff1d(y, self.classes_)).size:
            raise ValueError(f"y: {unknown} given; allowed: {self.classes_}")
        examples = self._trainer.examples(inputs, np.searchsorted(self.classes_, y), weights)
        with threadpool_limits(1, "blas"):
            self._train(examples, epoch=0)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Output activations of each example, scaled to sum 1 (n, classes)."""
        check_is_fitted(self)
        inputs = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32, np.uint8], reset=False)
        if self._pixels:
            warn_of_large(inputs, stacklevel=3)
        # With tiny, activations that all underflowed to 0 become equal.
        answers = self.network_.answers(self.parameters_, scaled(inputs)) + np.finfo(np.float32).tiny
        return answers / answers.sum(axis=1, keepdims=True)

    def predict_log_proba(self, X: ArrayLike) -> NDArray:
        """Logarithm of `predict_proba` (n, classes)."""
        return np.log(self.predict_proba(X))

    def predict(self, X: ArrayLike) -> NDArray:
        """The label of the largest activation for each example (n,)."""
        largest = self.predict_proba(X).argmax(axis=1)
        return self.classes_[largest]

    def _check_data(self, X: Any, y: Any, sample_weight: Any, reset: bool) -> tuple[Any, NDArray, NDArray | None]:
        """Inputs, labels and weights as arrays, without the examples of weight 0; the mean weight is 1."""
        inputs, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float32, np.uint8], reset=reset)
        check_classification_targets(y)
        if sample_weight is None:
            return inputs, y, None
        weights = estimators.check_sample_weight(sample_weight, inputs, dtype=np.float32, ensure_non_negative=True)
        weighted = weights > 0
        return inputs[weighted], y[weighted], weights[weighted] / weights[weighted].mean()

    def _initialize(self, inputs: Any, start: Parameters | None) -> int:
        """Prepare training from a start, by default a random one; returns the seed."""
        for place, size in enumerate(self.hidden_sizes):
            name = f"hidden_sizes[{place}]"
            estimators.validate_parameter_constraints({name: [POSITIVE]}, {name: size}, caller_name=type(self).__name__)
        sizes = (inputs.shape[1], *map(int, self.hidden_sizes), len(self.classes_))
        if start and sizes != self.network_.sizes:
            raise ValueError(f"warm_start: layers {sizes}; allowed: those of the last fit, {self.network_.sizes}")
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31)
        given = self.get_params()
        descent = Descent(**{field.name: given[field.name] for field in fields(Descent) if field.name in given})
        self.network_ = Network(sizes, self.activation, self.cost, self.start)
        self.parameters_ = start or self.network_.initialize(generator(seed, "start"))
        batch_rng, dropout_rng = generator(seed, "order"), generator(seed, "dropout")
        self._trainer = Trainer(self.network_, self.parameters_, descent, batch_rng, inputs, dropout_rng)
        self.n_iter_, self.loss_curve_, self.validation_scores_ = 0, [], None
        self._pixels = inputs.dtype == np.uint8
        warn = warn_of_dark if self._pixels else warn_of_large
        warn(inputs, stacklevel=5)
        return seed

    def _train(self, examples: Examples, epoch: int) -> bool:
        """Train for one epoch, at the rate of that epoch. False if training diverged."""
        cost = self._trainer.train(examples, epoch)
        if not np.isfinite(cost):
            what = f"training diverged in epoch {self.n_iter_ + 1}; the network is the one from before that epoch"
            warnings.warn(f"{what}. Lower learning_rate ({self.learning_rate})", ConvergenceWarning, stacklevel=4)
            return False
        self.parameters_ = self._trainer.parameters
        self.n_iter_ += 1
        self.loss_curve_.append(cost)
        if self.verbose:
            print(f"epoch {self.n_iter_}: cost {cost:.6f}")
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
