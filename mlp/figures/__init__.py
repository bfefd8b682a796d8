"""Figures that several claims, notebooks and pages share: functions from arrays to figures.

In: arrays and estimates. Out: Matplotlib's and plotly's figures. May import `mlp.theory` and the rooms below it.
"""

from mlp.figures.curves import curve_shapes, curves_figure, draw_curves, draw_measures, early_stopping, overview
from mlp.figures.galleries import answer_gallery, image_gallery, weight_gallery
from mlp.figures.interpolation import interpolation
from mlp.figures.landscape import descent_on_curve, descent_on_surface, importance, loss_histograms, plane, slices
from mlp.figures.studies import convergence, double_descent, drawings, forgetting, label_noise, level_effects
from mlp.figures.style import panels

__all__ = [
    "answer_gallery", "convergence", "curve_shapes", "curves_figure", "descent_on_curve", "descent_on_surface",
    "double_descent", "draw_curves", "draw_measures", "drawings", "early_stopping", "forgetting", "image_gallery",
    "importance", "interpolation", "label_noise", "level_effects", "loss_histograms", "overview", "panels", "plane",
    "slices", "weight_gallery",
]  # fmt: skip
