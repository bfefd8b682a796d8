"""scikit-learn's own tests of its MLPClassifier, adapted to this project's: what passes, and what is refused by name.

Adapted from sklearn/neural_network/tests/test_mlp.py of scikit-learn 1.9 (BSD-3-Clause); each test names the test that
it comes from. hidden_layer_sizes is `hidden_sizes` here, solver is `rule`, learning_rate_init is `learning_rate`,
learning_rate is `schedule`, max_iter is `epochs`, and alpha is `weight_decay`. Left out: the tests of MLPRegressor, of
the solver lbfgs, and of private attributes.
"""

import re

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn.datasets import load_digits, load_iris, make_classification, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP
from sklearn.preprocessing import MinMaxScaler

from mlp import MLPClassifier, central_differences, flatten, unflatten

ACTIVATIONS = ["sigmoid", "tanh", "relu"]
X_IRIS, Y_IRIS = load_iris(return_X_y=True)
SGD = {"cost": "cross_entropy", "learning_rate": 0.2, "schedule": "constant", "random_state": 1}


def digits_of(classes: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = load_digits(n_class=classes, return_X_y=True)
    return MinMaxScaler().fit_transform(X[:200]), y[:200]


two_and_three_classes = pytest.mark.parametrize("classes", [2, 3])
untrained = pytest.mark.filterwarnings("ignore:the network did not learn")


def test_more_weight_decay_yields_weights_closer_to_zero():
    """test_alpha"""
    X, y = digits_of(2)
    sums = []
    for decay in (0, 1e-3, 1e-2):
        model = MLPClassifier((10,), weight_decay=decay, **SGD).fit(X[:100], y[:100])
        sums.append([np.abs(weights).sum() for weights, _ in model.parameters_])
    assert (np.diff(sums, axis=0) < 0).all()


@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@untrained
def test_the_gradient_is_that_of_central_differences(labels, activation):
    """test_gradient"""
    X = np.random.RandomState(42).rand(5, 10)
    y = np.arange(5) % labels
    model = MLPClassifier((10,), activation, "cross_entropy", epochs=1, random_state=1).fit(X, y)
    network = model.network_
    theta = flatten(model.parameters_).astype(np.float64)
    parameters = unflatten(theta, network.sizes)
    slopes = central_differences(lambda t: network.average_cost(unflatten(t, network.sizes), X, y), theta)
    np.testing.assert_allclose(flatten(network.gradient(parameters, X, y)), slopes, atol=1e-7)


@two_and_three_classes
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("rule", ["sgd", "nesterov", "adam"])
def test_digits_are_classified(classes, activation, rule):
    """test_lbfgs_classification, with the rules that there are."""
    X, y = digits_of(classes)
    settings = {"learning_rate": 0.01} if rule == "adam" else {"momentum": 0.5, "learning_rate": 0.1}
    model = MLPClassifier((50,), activation, "cross_entropy", rule=rule, random_state=1, **settings)
    predicted = model.fit(X[:150], y[:150]).predict(X[150:])
    assert model.score(X[:150], y[:150]) > 0.95
    assert (predicted.shape[0], predicted.dtype.kind) == (50, y.dtype.kind)


def test_partial_fit_with_other_classes_is_an_error():
    """test_partial_fit_classes_error"""
    model = MLPClassifier().partial_fit([[3, 2]], [0], classes=[0, 1])
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit([[3, 2]], [0], classes=[1, 2])


@two_and_three_classes
def test_partial_fit_yields_the_same_as_fit(classes):
    """test_partial_fit_classification"""
    X, y = digits_of(classes)
    fitted = MLPClassifier(epochs=100, **SGD).fit(X, y)
    partially = MLPClassifier(**SGD)
    for _ in range(100):
        partially.partial_fit(X, y, classes=np.unique(y))
    np.testing.assert_array_equal(fitted.predict(X), partially.predict(X))
    assert partially.score(X, y) > 0.95


def test_partial_fit_learns_classes_that_the_first_call_did_not_see():
    """test_partial_fit_unseen_classes"""
    model = MLPClassifier(random_state=0)
    model.partial_fit([[1], [2], [3]], ["a", "b", "c"], classes=["a", "b", "c", "d"])
    model.partial_fit([[4]], ["d"])
    assert model.score([[1], [2], [3], [4]], ["a", "b", "c", "d"]) > 0


@pytest.mark.parametrize("classes", [None, [2]])
def test_partial_fit_needs_all_classes_in_its_first_call(classes):
    """test_partial_fit_errors"""
    with pytest.raises(ValueError, match=r"classes must be passed on the first call|allowed: "):
        MLPClassifier().partial_fit([[3, 2], [1, 6]], [1, 0], classes=classes)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_inputs_too_large_for_float32_are_an_error():
    """test_nonfinite_params"""
    X = np.finfo(np.float64).max * np.random.RandomState(0).uniform(size=(10, 2))
    with pytest.raises(ValueError, match="Input X contains infinity or a value too large"):
        MLPClassifier().fit(X, np.arange(10) % 2)


@two_and_three_classes
def test_probabilities_and_their_logarithms_agree(classes):
    """test_predict_proba_binary, test_predict_proba_multiclass"""
    X, y = digits_of(classes)
    model = MLPClassifier((5,), random_state=1).fit(X, y)
    probabilities, logarithms = model.predict_proba(X), model.predict_log_proba(X)
    assert probabilities.shape == (200, classes)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), logarithms.argmax(axis=1))
    np.testing.assert_allclose(logarithms, np.log(probabilities))
    if classes == 2:
        assert roc_auc_score(y, probabilities[:, 1]) == 1.0


@pytest.mark.parametrize("container", [csr_matrix, csr_array])
def test_sparse_and_dense_inputs_give_the_same_answers(container):
    """test_sparse_matrices"""
    X, y = digits_of(2)
    model = MLPClassifier((15,), random_state=1)
    of_dense = model.fit(X, y).predict(X)
    of_sparse = model.fit(container(X), y).predict(container(X))
    np.testing.assert_array_equal(of_dense, of_sparse)
    np.testing.assert_array_equal(model.predict(X), of_sparse)


@untrained
def test_verbose_prints_while_it_trains(capsys):
    """test_verbose_sgd"""
    model = MLPClassifier((2,), epochs=2, verbose=10).fit([[3, 2], [1, 6]], [1, 0])
    model.partial_fit([[3, 2], [1, 6]], [1, 0])
    assert re.findall(r"epoch (\d): cost", capsys.readouterr().out) == ["1", "2", "3"]


def test_early_stopping_ends_before_the_last_epoch_and_keeps_the_scores():
    """test_early_stopping"""
    X, y = digits_of(2)
    model = MLPClassifier(epochs=3000, early_stopping=True, **SGD).fit(X[:100], y[:100])
    assert model.n_iter_ < 3000
    assert isinstance(model.validation_scores_, list)
    assert max(model.validation_scores_) > max(model.validation_scores_[-10:]) - 0.2
    assert MLPClassifier(**SGD).fit(X[:100], y[:100]).validation_scores_ is None


@untrained
def test_warm_start_needs_the_same_classes():
    """test_warm_start"""
    classes_of_3 = np.repeat([0, 1, 2], [40, 40, 70])
    model = MLPClassifier((2,), warm_start=True, random_state=42).fit(X_IRIS, Y_IRIS)
    model.fit(X_IRIS, Y_IRIS)
    model.fit(X_IRIS, classes_of_3)
    for other in (np.repeat([0, 1], 75), np.repeat([0, 1, 3], 50), np.repeat(np.arange(5), 30)):
        message = f"warm_start: classes {np.unique(other)} given; allowed: those of the last fit, [0 1 2]"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            model.fit(X_IRIS, other)


@untrained
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_warm_start_trains_for_all_epochs_again(rule):
    """test_warm_start_full_iteration, test_mlp_warm_start_no_convergence"""
    model = MLPClassifier((2,), rule=rule, learning_rate=0.01, warm_start=True, epochs=10).fit(X_IRIS, Y_IRIS)
    assert model.n_iter_ == 10
    assert model.set_params(epochs=20).fit(X_IRIS, Y_IRIS).n_iter_ == 20


@pytest.mark.parametrize("patience", [2, 5, 10, 50])
def test_training_stops_after_as_many_epochs_without_a_better_score_as_are_allowed(patience):
    """test_n_iter_no_change"""
    X, y = digits_of(2)
    model = MLPClassifier(epochs=3000, early_stopping=True, n_iter_no_change=patience, **SGD).fit(X[:100], y[:100])
    assert model.n_iter_ == np.argmax(model.validation_scores_) + 1 + patience < 3000


def test_early_stopping_needs_two_examples_of_each_class():
    """test_early_stopping_stratified, test_minimum_input_sample_size"""
    with pytest.raises(ValueError, match="least populated class"):
        MLPClassifier(early_stopping=True).fit([[1, 2], [2, 3], [3, 4], [4, 5]], [0, 0, 0, 1])


def test_early_stopping_accepts_labels_that_are_strings():
    """test_mlp_early_stopping_string_labels"""
    X, y = make_classification(n_samples=200, n_features=10, n_classes=3, n_informative=5, random_state=42)
    labels = np.array(["class_a", "class_b", "class_c"], dtype=object)[y]
    model = MLPClassifier(early_stopping=True, epochs=50, random_state=42).fit(X, labels)
    assert len(model.validation_scores_) == model.n_iter_
    assert np.isfinite(model.validation_scores_).all()


def test_float64_and_float32_inputs_give_the_same_answers():
    """test_mlp_classifier_dtypes_casting"""
    X, y = load_digits(n_class=2, return_X_y=True)
    of_64 = MLPClassifier((5, 3), **SGD).fit(X[:300], y[:300])
    of_32 = MLPClassifier((5, 3), **SGD).fit(X[:300].astype(np.float32), y[:300])
    np.testing.assert_array_equal(of_64.predict(X[300:]), of_32.predict(X[300:].astype(np.float32)))
    np.testing.assert_allclose(
        of_64.predict_proba(X[300:]), of_32.predict_proba(X[300:].astype(np.float32)), rtol=1e-2, atol=1e-6
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_are_float32_whatever_the_inputs_are(dtype):
    """test_mlp_param_dtypes, in which they have the type of the inputs."""
    X, y = digits_of(2)
    model = MLPClassifier((5, 3), **SGD).fit(X.astype(dtype), y)
    assert {array.dtype for layer in model.parameters_ for array in layer} == {np.dtype(np.float32)}


def test_a_model_that_joblib_has_read_can_be_trained_on(tmp_path):
    """test_mlp_loading_from_joblib_partial_fit"""
    X, y = digits_of(2)
    joblib.dump(MLPClassifier(**SGD).fit(X, y), tmp_path / "mlp.pkl")
    read = joblib.load(tmp_path / "mlp.pkl")
    for _ in range(100):
        read.partial_fit(X, 1 - y)
    assert read.score(X, 1 - y) > 0.95


def test_feature_names_are_kept_with_early_stopping():
    """test_preserve_feature_names"""
    X = pd.DataFrame(np.random.RandomState(0).randn(10, 2), columns=["colname_a", "colname_b"])
    y = pd.Series(np.full(10, 1), name="colname_y")
    model = MLPClassifier(early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert model.score(X, y) == 1
    assert model.feature_names_in_.tolist() == ["colname_a", "colname_b"]


def test_early_stopping_works_with_a_warm_start():
    """test_mlp_warm_start_with_early_stopping"""
    X, y = digits_of(3)
    model = MLPClassifier(epochs=5, random_state=0, warm_start=True, early_stopping=True, cost="cross_entropy")
    assert len(model.fit(X, y).validation_scores_) == 5
    assert len(model.set_params(epochs=10).fit(X, y).validation_scores_) > 5


def test_partial_fit_refuses_early_stopping():
    """test_mlp_partial_fit_after_fit"""
    model = MLPClassifier(early_stopping=True, random_state=0).fit(*digits_of(2))
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        model.partial_fit(*digits_of(2))


def test_training_that_diverges_is_no_error_with_early_stopping():
    """test_mlp_diverging_loss, which expects a NaN as the last score; here training ends before it."""
    model = MLPClassifier(
        (100,), "relu", "cross_entropy", learning_rate=1e30, epochs=20, early_stopping=True, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="training diverged in epoch"):
        model.fit(X_IRIS, Y_IRIS)
    assert np.isfinite(model.predict_proba(X_IRIS)).all()


def test_weights_of_one_change_nothing_with_early_stopping():
    """test_mlp_sample_weight_with_early_stopping"""
    X, y = digits_of(3)
    model = MLPClassifier(early_stopping=True, **SGD)
    weighted = model.fit(X, y, sample_weight=np.ones_like(y)).predict_proba(X)
    np.testing.assert_array_equal(weighted, model.fit(X, y).predict_proba(X))


class TestRefused:
    @pytest.mark.parametrize("name", sorted(set(ScikitLearnMLP().get_params()) - set(MLPClassifier().get_params())))
    def test_a_parameter_that_only_scikit_learns_estimator_has_is_refused_by_name(self, name):
        """test_tolerance, test_shuffle, test_n_iter_no_change_inf, and the tests of lbfgs"""
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
            MLPClassifier(**{name: ScikitLearnMLP().get_params()[name]})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("activation", "identity"),
            ("activation", "logistic"),
            ("rule", "lbfgs"),
            ("schedule", "invscaling"),
            ("schedule", "adaptive"),
            ("batch_size", "auto"),
            ("hidden_sizes", 10),
            ("n_iter_no_change", np.inf),
        ],
    )
    def test_a_value_that_only_scikit_learns_estimator_takes_is_refused_by_name(self, name, value):
        """test_learning_rate_warmstart, test_adaptive_learning_rate"""
        with pytest.raises(ValueError, match=f"^The '{name}' parameter of MLPClassifier must be "):
            MLPClassifier(**{name: value}).fit(X_IRIS, Y_IRIS)

    def test_several_labels_for_an_example_are_refused(self):
        """test_multilabel_classification, test_predict_proba_multilabel"""
        X, y = make_multilabel_classification(n_samples=50, random_state=0, return_indicator=True)
        with pytest.raises(ValueError, match="y should be a 1d array"):
            MLPClassifier().fit(X, y)

    def test_numbers_to_be_predicted_are_refused(self):
        """The tests of MLPRegressor"""
        with pytest.raises(ValueError, match="Unknown label type: continuous"):
            MLPClassifier().fit(X_IRIS, X_IRIS[:, 0] + 0.05)
