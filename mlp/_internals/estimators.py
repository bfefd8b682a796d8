"""Parts of scikit-learn's own estimators, with which `mlp.MLPClassifier` answers bad input in the same words.

Public ways: ``if not ...: raise ValueError`` for `Interval`, `StrOptions`, `validate_parameter_constraints` and
`fit_context`, which checks the parameters before a fit; ``check_array(weights, ensure_2d=False)`` and a comparison of
lengths for `check_sample_weight`; a comparison of ``classes`` with ``classes_`` for `check_partial_fit_first_call`.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from sklearn.utils.multiclass import _check_partial_fit_first_call as check_partial_fit_first_call
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "Interval",
    "StrOptions",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "fit_context",
    "validate_parameter_constraints",
]
