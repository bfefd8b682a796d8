"""The private names of libraries do what the package needs; each test names what a new release has changed."""

from numbers import Integral

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from mlp._internals import estimators, sparse

# Two rows of three columns: [[0, 2, 0], [3, 0, 4]].
STARTS, COLUMNS, VALUES = np.array([0, 1, 3], np.int32), np.array([1, 0, 2], np.int32), np.array([2, 3, 4], np.float32)
MATRIX = np.array([[0, 2, 0], [3, 0, 4]], np.float32)


def test_scipy_still_adds_a_sparse_product_into_an_existing_array():
    factor, result = np.arange(6, dtype=np.float32).reshape(3, 2), np.ones((2, 2), np.float32)
    sparse.csr_matvecs(2, 3, 2, STARTS, COLUMNS, VALUES, factor.ravel(), result.ravel())
    np.testing.assert_array_equal(result, 1 + MATRIX @ factor)


def test_scipy_still_takes_the_rows_of_a_matrix_for_the_columns_of_its_transpose():
    factor, result = np.arange(4, dtype=np.float32).reshape(2, 2), np.ones((3, 2), np.float32)
    sparse.csc_matvecs(3, 2, 2, STARTS, COLUMNS, VALUES, factor.ravel(), result.ravel())
    np.testing.assert_array_equal(result, 1 + MATRIX.T @ factor)


class Estimator(BaseEstimator):
    """An estimator with one constrained parameter."""

    _parameter_constraints = {"size": [estimators.Interval(Integral, 1, None, closed="left")]}  # noqa: RUF012

    def __init__(self, size=1):
        self.size = size

    @estimators.fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        return self


def test_scikit_learn_still_checks_parameters_by_their_constraints_before_a_fit():
    assert Estimator().fit(None)
    with pytest.raises(ValueError, match="The 'size' parameter of Estimator must be an int"):
        Estimator(0).fit(None)
    with pytest.raises(ValueError, match=r"The 'kind' parameter of f must be a str among \{'a'\}"):
        estimators.validate_parameter_constraints({"kind": [estimators.StrOptions({"a"})]}, {"kind": "b"}, "f")


def test_scikit_learn_still_refuses_negative_sample_weights():
    weights = estimators.check_sample_weight([1, 2], np.zeros((2, 1)), dtype=np.float32, ensure_non_negative=True)
    assert weights.dtype == np.float32
    with pytest.raises(ValueError, match="Negative values"):
        estimators.check_sample_weight([1, -2], np.zeros((2, 1)), ensure_non_negative=True)


def test_scikit_learn_still_needs_the_classes_in_the_first_partial_fit_and_keeps_them():
    estimator = Estimator()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        estimators.check_partial_fit_first_call(estimator)
    assert estimators.check_partial_fit_first_call(estimator, [1, 0])
    assert estimator.classes_.tolist() == [0, 1]
    assert not estimators.check_partial_fit_first_call(estimator, [0, 1])
