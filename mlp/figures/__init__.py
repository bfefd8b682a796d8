"""All figures of the project: functions from arrays to figures.

In: arrays and estimates. Out: Matplotlib's and plotly's figures. May import `mlp.theory` and the rooms below it.
"""

from mlp.figures.answers import answer_gallery, favourite_digits, image_gallery, share_above
from mlp.figures.curves import draw_curves, draw_measures, overview
from mlp.figures.interpolation import interpolation, norms_and_errors
from mlp.figures.landscape import (
    component_sizes,
    correlations,
    descent_on_curve,
    descent_on_surface,
    importance,
    loss_histograms,
    paths,
    plane,
    slices,
)
from mlp.figures.memorization import (
    convergence,
    cost_shapes,
    critical,
    curve_shapes,
    curves_figure,
    difficulty,
    double_descent,
    early_stopping,
    factor_by_error,
    forgetting,
    radii,
    zhang_figure1,
)
from mlp.figures.studies import drawings, label_noise, level_effects
from mlp.figures.style import panels
from mlp.figures.weights import weight_gallery

__all__ = [
    "answer_gallery", "component_sizes", "convergence", "correlations", "cost_shapes", "critical", "curve_shapes",
    "curves_figure", "descent_on_curve", "descent_on_surface", "difficulty", "double_descent", "draw_curves",
    "draw_measures", "drawings", "early_stopping", "factor_by_error", "favourite_digits", "forgetting",
    "image_gallery", "importance", "interpolation", "label_noise", "level_effects", "loss_histograms",
    "norms_and_errors", "overview", "panels", "paths", "plane", "radii", "share_above", "slices",
    "weight_gallery", "zhang_figure1",
]  # fmt: skip
