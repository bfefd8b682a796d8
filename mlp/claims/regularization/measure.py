"""What explicit regularization does to learning and to memorizing: Zhang et al. 2016 and Arpit et al. 2017."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Networks, censored_epochs

LABELS = {"true": 0, "shuffled": 1}


def measure(none: Networks, **regularizers: Networks) -> Findings:
    """Training and test accuracy without a regularizer, with weight decay, shifted images, both of them, and dropout.

    `slow_down` is the number of epochs to a training accuracy of 90 %, divided by that without a regularizer. A network
    that does not reach it counts with all its epochs, so that the slow-down is then a lower bound.
    """
    variants = {"none": none} | regularizers
    accuracy: dict[str, dict[str, NDArray]] = {}
    epochs: dict[str, dict[str, NDArray]] = {}
    for name, nets in variants.items():
        accuracy[name], epochs[name] = {}, {}
        for labels, fraction in LABELS.items():
            selected = nets.select(fraction=fraction)
            epochs[name][labels] = selected.over_seeds(partial(censored_epochs, accuracy=0.9))
            for data in ("train", "test"):
                accuracy[name][f"{labels}_{data}"] = selected.over_seeds(f"{data}/accuracy")
    quantities: dict[str, Any] = {
        f"{name}_{measure}": values for name, table in accuracy.items() for measure, values in table.items()
    }
    for name in regularizers:
        quantities[f"{name}_gain"] = accuracy[name]["true_test"] - accuracy["none"]["true_test"]
        slow = {labels: epochs[name][labels] / epochs["none"][labels] for labels in LABELS}
        quantities |= {f"{name}_slow_{labels}": values for labels, values in slow.items()}
        quantities[f"{name}_hinders"] = slow["shuffled"] / slow["true"]
    quantities["dropout_over_decay"] = quantities["dropout_hinders"] / quantities["decay_hinders"]
    lines = {
        f"{labels} labels, {data}": np.array(
            [[average(row[f"{labels}_{data}"]) for average in (np.nanmean, np.nanstd)] for row in accuracy.values()]
        )
        for data in ("train", "test")
        for labels in LABELS
    }
    figure, (axes,) = figures.panels(1)
    figures.draw_measures(axes, list(variants), lines, "accuracy", "regularizer")
    return Findings(quantities, {"regularization": figure})
