"""The claim on the shape of the learning curve (the lesson, on Arpit et al. 2017)."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp.claims.curves.figure import cost_shapes
from mlp.claims.findings import Findings, Networks, TrainedNetwork, epochs_to_fit
from mlp.data.randomness import generator
from mlp.measures.memorization import CurveShape, curve_shape
from mlp.nn.descent import CellJob, scaled, train
from mlp.nn.network import Parameters

EARLY_POINTS = 16  # measurements within the first epoch
EVEN_POINTS = 201  # of a curve whose shape is measured
ENDS = (0.9, 0.99, 1.0)  # training accuracies up to which curves are measured
LABELS = {"true": 0, "shuffled": 1}


class Course(NamedTuple):
    """A network's training costs by epoch, with several points within the first; both (points,)."""

    epochs: NDArray
    costs: NDArray


def measure(wide: Networks, slow: Networks, fast: Networks, lesson: Networks) -> Findings:
    """Shape of the training cost's curve on true and on shuffled labels.

    Parameters
    ----------
    wide, slow, fast
        The same wide network at three learning rates.
    lesson
        The lesson's network of 13,002 parameters, on as few images as it can memorize.
    """
    quantities: dict[str, Any] = {}
    drawn, first = {}, {}
    for name, fraction in LABELS.items():
        nets = wide.select(fraction=fraction)
        courses = {net.seed: course(net) for net in nets}
        for end in ENDS:
            early, line = np.array([shape_to(net, courses[net.seed], end) for net in nets]).T
            quantities |= {f"{name}_early_{100 * end:.0f}": early, f"{name}_line_{100 * end:.0f}": line}
        # The shape of the accuracy's curve up to 100 %, by epoch, was judged first.
        early, line = nets.each(lambda net: curve_shape(net.curve("train/accuracy"))).T
        quantities |= {f"accuracy_{name}_early": early, f"accuracy_{name}_line": line}
        quantities[f"{name}_epochs"] = nets.over_seeds(epochs_to_fit)
        quantities[f"{name}_fitting"] = nets.each(fitting_share)
        even = [evenly(net, courses[net.seed], 0.99) for net in nets]
        if fitted := [costs for costs in even if costs is not None]:
            drawn[f"{name} labels"] = np.linspace(0, 1, EVEN_POINTS), np.array(fitted)
        begin = courses[nets[0].seed].epochs <= 1
        first[f"{name} labels"] = (
            courses[nets[0].seed].epochs[begin],
            np.array([found.costs[: begin.sum()] for found in courses.values()]),
        )
    for name, group in (("slow", slow), ("fast", fast), ("lesson", lesson)):
        shuffled, true = (
            group.select(fraction=fraction).each(lambda net: shape_to(net, course(net), 0.99).r_squared)
            for fraction in (1, 0)
        )
        quantities |= {f"{name}_shuffled_line": shuffled, f"{name}_true_line": true}
    quantities |= {
        "early_apart": quantities["true_early_99"] - quantities["shuffled_early_99"],
        "line_apart": quantities["shuffled_line_99"] - quantities["true_line_99"],
    }
    return Findings(quantities, {"shape": cost_shapes(drawn, first)})


def course(net: TrainedNetwork) -> Course:
    """The training costs after every epoch, and at even intervals within the first, which is trained again."""
    images = scaled(net.data.train_images)
    steps = -(-net.rows // net.descent.batch_size)
    wanted = np.unique(np.linspace(0, steps, EARLY_POINTS + 1).round().astype(int))[1:-1]
    costs: dict[int, float] = {}

    def on_step(step: int, parameters: Parameters) -> None:
        if step in wanted:
            costs[step] = net.network.average_cost(parameters, images, net.train_labels)

    once = CellJob(net.start, net.train_labels, replace(net.descent, epochs=1), generator(0, "order"))
    train(net.network, once, net.data.train_images, on_step=on_step)
    by_epoch = net.curve("train/cost")
    epochs = np.concatenate([[0], np.array(list(costs)) / steps, np.arange(1, len(by_epoch))])
    return Course(epochs, np.concatenate([by_epoch[:1], list(costs.values()), by_epoch[1:]]))


def evenly(net: TrainedNetwork, found: Course, end: float) -> NDArray | None:
    """Costs at even intervals up to the first epoch with that training accuracy; None if it was not reached."""
    last = epochs_to_fit(net, end)
    if not np.isfinite(last):
        return None
    return np.interp(np.linspace(0, last, EVEN_POINTS), found.epochs, found.costs)


def shape_to(net: TrainedNetwork, found: Course, end: float) -> CurveShape:
    """Shape of the cost's curve up to a training accuracy; NaN if it was not reached."""
    costs = evenly(net, found, end)
    return CurveShape(np.nan, np.nan) if costs is None else curve_shape(costs)


def fitting_share(net: TrainedNetwork) -> float:
    """Share of the epochs to 100 % that pass between a training accuracy of 20 and of 99 %."""
    begun, nearly, done = (epochs_to_fit(net, accuracy) for accuracy in (0.2, 0.99, 1.0))
    return (nearly - begun) / done
