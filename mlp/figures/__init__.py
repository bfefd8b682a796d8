"""Every picture of the project: functions from arrays to figures. Nothing else draws."""

from mlp.figures.curves import draw_curves, draw_measures, story
from mlp.figures.landscape import (
    components,
    correlations,
    importance,
    loss_histograms,
    plane,
    rolling_ball,
    slices,
    walk,
)
from mlp.figures.look import COLOURS, STYLE, canvas, grid, shades
from mlp.figures.memorization import convergence, critical, curves_figure, difficulty, shapes, zhang
from mlp.figures.noise import favourite_digits, noise_gallery
from mlp.figures.weights import weight_gallery

__all__ = [
    "COLOURS",
    "STYLE",
    "canvas",
    "components",
    "convergence",
    "correlations",
    "critical",
    "curves_figure",
    "difficulty",
    "draw_curves",
    "draw_measures",
    "favourite_digits",
    "grid",
    "importance",
    "loss_histograms",
    "noise_gallery",
    "plane",
    "rolling_ball",
    "shades",
    "shapes",
    "slices",
    "story",
    "walk",
    "weight_gallery",
    "zhang",
]
