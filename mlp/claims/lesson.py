"""Claims of the lesson (3Blue1Brown, "Gradient descent, how neural networks learn") about its own network."""

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Run, curves, final, over_seeds
from mlp.confidence import NOISES, confidence, noise_images
from mlp.costs import COSTS
from mlp.descent import descend, scaled
from mlp.landscape import (
    barrier,
    components_holding,
    held_length,
    loss_spread,
    noise_autocorrelation,
    random_direction,
    slice_costs,
    spatial_autocorrelation,
    weight_images,
)
from mlp.network import Parameters, flatten, unflatten
from mlp.randomness import generator

WORKED_EXAMPLE = (0.43, 0.28, 0.19, 0.88, 0.72, 0.01, 0.64, 0.86, 0.99, 0.63)  # activations for an image of a 3
GRADIENT_ROWS = 10_000  # training images that a gradient is averaged over
SLICE_ROWS = 2_000  # training images that a slice's cost is averaged over
HELD = (0.5, 0.9, 0.99)
NOISE_COUNT = 1_000


def parameters(lesson: list[Run]) -> Findings:
    """Count the network's parameters, and compare it before and after its training."""
    untrained_cost = over_seeds(lesson, lambda run: run.curve("test/cost")[0])
    cost = over_seeds(lesson, final("test/cost"))
    answers, wanted = np.array([WORKED_EXAMPLE]), np.eye(10)[[3]]
    quantities = {
        "parameters": over_seeds(lesson, lambda run: flatten(run.parameters).size),
        "worked_example": COSTS["quadratic"].value(answers, wanted)[0],
        "untrained_cost": untrained_cost,
        "cost": cost,
        "cost_left": cost / untrained_cost,
        "untrained_accuracy": over_seeds(lesson, lambda run: run.curve("test/accuracy")[0]),
        "accuracy": over_seeds(lesson, final("test/accuracy")),
    }
    pictures = {
        "cost": figures.curves_figure({"training images": curves(lesson, "train/cost")}, "cost"),
        "accuracy": figures.curves_figure({"test images": curves(lesson, "test/accuracy")}, "accuracy"),
    }
    return Findings(quantities, pictures)


def best(lesson: list[Run]) -> Findings:
    """How far 13,002 parameters go."""
    quantities = {
        "parameters": over_seeds(lesson, lambda run: flatten(run.parameters).size),
        "accuracy": over_seeds(lesson, final("test/accuracy")),
        "train_accuracy": over_seeds(lesson, final("train/accuracy")),
    }
    accuracy = {"test images": curves(lesson, "test/accuracy")}
    return Findings(quantities, {"accuracy": figures.curves_figure(accuracy, "accuracy")})


def noise(lesson: list[Run], deep: list[Run]) -> Findings:
    """Ask trained and untrained networks about images of nothing.

    The lesson's network answers by sigmoids, which do not sum to 1: it is compared by its largest activation as it is
    and as a share of all ten (``normalized``). `deep` has the shape of Hendrycks & Gimpel's network.
    """
    measured = {kind: [about_noise(run, run.parameters, kind) for run in lesson] for kind in NOISES}
    untrained = {kind: [about_noise(run, run.start, kind) for run in lesson] for kind in NOISES}
    theirs = {kind: [about_noise(run, run.parameters, kind) for run in deep] for kind in ("uniform", "gaussian")}
    on_test = over_seeds(lesson, lambda run: float(test_answers(run, run.parameters).max(axis=1).mean()))

    def column(rows: list[dict[str, float]], name: str) -> NDArray:
        return np.array([row[name] for row in rows])

    quantities: dict = {"as_sure_as_of_digits": column(measured["uniform"], "confidence") / on_test}
    for kind in NOISES:
        before, after = untrained[kind], measured[kind]
        quantities |= {
            f"{kind}_confidence": column(after, "confidence"),
            f"{kind}_untrained": column(before, "confidence"),
            f"{kind}_gain": column(after, "normalized") - column(before, "normalized"),
            f"{kind}_unsure": column(after, "none_above_0.5"),
            f"{kind}_favourite_share": column(after, "favourite_share"),
            f"{kind}_auroc": column(after, "auroc"),
        }
    for kind, rows in theirs.items():
        quantities |= {f"deep_{kind}_{name}": column(rows, name) for name in ("confidence", "auroc")}

    run = lesson[0]
    shown = [noise_images(kind, 2, run.data, generator(1, "noise")) for kind in NOISES]
    images = np.concatenate([run.data.test_images[:2], *shown])
    titles = [f"test: {label}" for label in run.data.test_labels[:2]] + [kind for kind in NOISES for _ in range(2)]
    favourites = {kind: column(measured[kind], "favourite").astype(int) for kind in NOISES}
    pictures = {
        "gallery": figures.noise_gallery(images, run.network.answers(run.parameters, scaled(images)), titles),
        "favourites": figures.favourite_digits(favourites, run.data.classes),
    }
    return Findings(quantities, pictures)


def about_noise(run: Run, parameters: Parameters, kind: str) -> dict[str, float]:
    """`mlp.confidence.confidence` of a network; every network is asked about the same images."""
    images = noise_images(kind, NOISE_COUNT, run.data, generator(0, "noise"))
    return confidence(run.network.answers(parameters, scaled(images)), test_answers(run, parameters))


def test_answers(run: Run, parameters: Parameters) -> NDArray:
    """Output activations for the test images."""
    return run.network.answers(parameters, scaled(run.data.test_images))


def weights(lesson: list[Run]) -> Findings:
    """How far the first layer's weights, as pictures, are from random and from strokes (`spatial_autocorrelation`)."""

    def resemblance(weights: NDArray) -> float:
        return float(spatial_autocorrelation(weight_images(weights)).mean())

    def change(run: Run) -> NDArray:
        return run.parameters[0].weights - run.start[0].weights

    def middle(run: Run) -> float:
        # Length of the weights in the middle half of the picture over that in the frame around it, a pixel each.
        pictures = weight_images(run.parameters[0].weights)
        side = pictures.shape[1]
        inside = np.zeros((side, side), bool)
        inside[side // 4 : -(side // 4), side // 4 : -(side // 4)] = True
        return float(np.sqrt((pictures[:, inside] ** 2).mean() / (pictures[:, ~inside] ** 2).mean()))

    run = lesson[0]
    side = weight_images(run.start[0].weights).shape[1]
    digits = spatial_autocorrelation(run.data.test_images[:1000].reshape(-1, side, side).astype(np.float64))
    mean, deviation = noise_autocorrelation(side, side)
    quantities = {
        "random": over_seeds(lesson, lambda run: resemblance(run.start[0].weights)),
        "noise_limit": mean + 3 * deviation,
        "trained": over_seeds(lesson, lambda run: resemblance(run.parameters[0].weights)),
        "changes": over_seeds(lesson, lambda run: resemblance(change(run))),
        "digits": float(np.mean(digits)),
        "middle": over_seeds(lesson, middle),
    }
    rows = {
        "untrained": weight_images(run.start[0].weights),
        "trained": weight_images(run.parameters[0].weights),
        "change": weight_images(change(run)),
    }
    return Findings(quantities, {"weights": figures.weight_gallery(rows)})


def gradient(lesson: list[Run]) -> Findings:
    """The gradient as a list of importances, and its length before and after the training.

    The surface C(x, y) = 3/2 x² + 1/2 y² is the lesson's: a step of rate 1 from (1, 1) is minus the gradient there.
    """

    def slope(run: Run, parameters: Parameters) -> Parameters:
        some = slice(GRADIENT_ROWS)
        return run.network.gradient(parameters, scaled(run.data.train_images[some]), run.given[some])

    def length(gradient: Parameters) -> float:
        return float(np.linalg.norm(flatten(gradient)))

    def bowl(point: NDArray) -> NDArray:
        return np.array([3.0, 1.0]) * point

    nudge = np.diff(descend(bowl, (1, 1), rate=1, steps=1), axis=0)[0]
    steps = np.linalg.norm(np.diff(descend(bowl, (1, 1), rate=0.1, steps=30), axis=0), axis=1)
    at_start = [slope(run, run.start) for run in lesson]
    holding = np.array([components_holding(gradient, HELD) for gradient in at_start])
    whole = np.array([(held_length(flatten(gradient)) < 0.9).mean() for gradient in at_start])
    normal = held_length(default_rng(0).standard_normal(flatten(at_start[0]).size))
    quantities = {
        "nudge_x": float(nudge[0]),
        "nudge_y": float(nudge[1]),
        "whole_90": whole,
        "normal_90": float((normal < 0.9).mean()),
        **{
            f"layer{layer + 1}_{round(100 * share)}": holding[:, layer, column]
            for layer in range(holding.shape[1])
            for column, share in enumerate(HELD)
        },
        "shorter_steps": float((np.diff(steps) < 0).mean()),
        "slope_left": np.array(
            [length(slope(run, run.parameters)) / length(g) for run, g in zip(lesson, at_start, strict=True)]
        ),
    }
    held = {f"layer {i}": held_length(flatten([layer])) for i, layer in enumerate(at_start[0], start=1)}
    trained = slope(lesson[0], lesson[0].parameters)
    pictures = {
        "importance": figures.importance(held | {"random, for comparison": normal}),
        "components": figures.components({"untrained": flatten(at_start[0]), "trained": flatten(trained)}),
    }
    return Findings(quantities, pictures)


def valleys(lesson: list[Run]) -> Findings:
    """The cost between two seeds' minima, and around each.

    ``barrier`` is the height of the hill on the straight line between the minima of neighbouring seeds, as a share of
    the descent from the untrained cost; ``lowest_at_minimum`` the share of ten random directions in which nothing
    within a tenth of the weights' own length is lower than the minimum by more than a hundredth of its cost.
    """
    some = slice(SLICE_ROWS)

    def cost_around(run: Run):
        images, labels = scaled(run.data.train_images[some]), run.given[some]
        return lambda vector: run.network.average_cost(unflatten(vector, run.network.sizes), images, labels)

    between, near = np.linspace(0, 1, 21), np.linspace(-0.1, 0.1, 5)
    lines, heights, lowest = {}, [], []
    for run, other in zip(lesson, [*lesson[1:], lesson[0]], strict=True):
        cost, here, there = cost_around(run), flatten(run.parameters), flatten(other.parameters)
        line = slice_costs(cost, here, [there - here], between)
        lines[f"seeds {run.seed} and {other.seed}"] = line
        heights.append(barrier(line) / (cost(flatten(run.start)) - cost(here)))
        rng = generator(run.seed, "noise")
        slices = [slice_costs(cost, here, [random_direction(run.parameters, rng)], near) for _ in range(10)]
        lowest.append(np.mean([slice.min() >= 0.99 * slice[len(near) // 2] for slice in slices]))

    run, cost, rng = lesson[0], cost_around(lesson[0]), generator(0, "noise")
    directions = [random_direction(run.parameters, rng) for _ in range(2)]
    wide = np.linspace(-1, 1, 21)
    accuracy = over_seeds(lesson, final("test/accuracy"))
    quantities = {
        "barrier": np.array(heights),
        "lowest_at_minimum": np.array(lowest),
        "accuracy": accuracy,
        "accuracy_spread": loss_spread(accuracy, generator(0, "noise")),
        "cost_spread": loss_spread(over_seeds(lesson, final("test/cost")), generator(0, "noise")),
    }
    pictures = {
        "line": figures.slices(between, lines, "way from one minimum to the other"),
        "slice": figures.slices(
            wide,
            {f"direction {i}": slice_costs(cost, flatten(run.parameters), [way], wide) for i, way in
             enumerate(directions, start=1)},
            "distance from the minimum, in lengths of the weights",
        ),
        "plane": figures.plane(wide, slice_costs(cost, flatten(run.parameters), directions, wide)),
    }  # fmt: skip
    return Findings(quantities, pictures)
