"""The claim of Arpit et al. 2017 (arXiv 1706.05394), figure 3: which training images the cost is sensitive to."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlp import figures
from mlp.claims.findings import Findings, Networks, TrainedNetwork, epochs_to_fit
from mlp.data.randomness import generator
from mlp.measures.memorization import gini, loss_sensitivity
from mlp.measures.unrolled import unrolled_derivatives
from mlp.nn.descent import CellJob, scaled, train
from mlp.nn.network import Parameters

EQUAL_FIT = 0.6  # training accuracy at which sensitivities are compared as well
UNROLLED_EPOCHS = 50  # the first; each takes longer than the one before


def measure(small: Networks) -> Findings:
    """Figure 3: inequality of the loss-sensitivity over the training images, by epoch.

    The training is repeated with `mlp.nn.descent.train`, from the same start and in the same order, to measure each
    epoch. The sensitivity of each image is averaged over the ends of all epochs so far (the paper averages over all
    steps);
    `gini` measures the inequality of these averages. It is measured twice: of the image's own cost, and, as in the
    paper, of the average cost through all earlier steps.
    """
    groups = {
        name: small.select(inputs=kind, fraction=fraction)
        for name, kind, fraction in (("real", "true", 0), ("noise", "gaussian", 0), ("labels", "true", 1))
    }
    curves = {name: nets.each(sensitivity_gini) for name, nets in groups.items()}
    last = {name: curve[:, -1] for name, curve in curves.items()}
    at_fit = {name: np.array([fitted_gini(net, curve) for net, curve in zip(nets, curves[name], strict=True)])
              for name, nets in groups.items()}  # fmt: skip
    unrolled = {name: nets.each(unrolled_gini) for name, nets in groups.items()}
    through = {name: curve[:, -1] for name, curve in unrolled.items()}
    quantities = {
        **{f"gini_{name}": values for name, values in last.items()},
        **{f"unrolled_{name}": values for name, values in through.items()},
        "real_over_noise": last["real"] - last["noise"],
        "real_over_labels": last["real"] - last["labels"],
        "unrolled_real_over_noise": through["real"] - through["noise"],
        "unrolled_real_over_labels": through["real"] - through["labels"],
        "fit_real_over_noise": at_fit["real"] - at_fit["noise"],
        "fit_real_over_labels": at_fit["real"] - at_fit["labels"],
    }
    names = {"real": "real data", "noise": "random images", "labels": "random labels"}
    pictures = {
        figure: figures.curves_figure({names[name]: curve for name, curve in of_groups.items()}, title)
        for figure, of_groups, title in (
            ("gini", curves, "Gini coefficient of the sensitivity"),
            ("unrolled", unrolled, "Gini coefficient, through all steps"),
        )
    }
    return Findings(quantities, pictures)


def fitted_gini(net: TrainedNetwork, curve: NDArray) -> float:
    """The Gini coefficient (epochs + 1,) of a network at the first epoch with a training accuracy of `EQUAL_FIT`."""
    epoch = epochs_to_fit(net, EQUAL_FIT)
    return float(curve[int(epoch)]) if np.isfinite(epoch) else np.nan


def sensitivity_gini(net: TrainedNetwork) -> NDArray:
    """Gini coefficient of the images' average sensitivity after each epoch, (epochs + 1,); NaN before the first."""
    images, total = scaled(net.data.train_images), np.zeros(net.rows)
    curve = [np.nan]

    def on_epoch(epoch: int, parameters: Parameters) -> None:
        nonlocal total
        if epoch > 0:
            total += loss_sensitivity(net.network, parameters, images, net.train_labels)
            curve.append(float(gini(total / epoch)))

    job = CellJob(net.start, net.train_labels, net.descent, generator(0, "order"))
    train(net.network, job, net.data.train_images, on_epoch)
    return np.array(curve)


def unrolled_gini(net: TrainedNetwork) -> NDArray:
    """The same curve for the sensitivity of the average cost through all earlier steps, of the first epochs."""
    descent = replace(net.descent, epochs=min(net.descent.epochs, UNROLLED_EPOCHS))
    images, batch_rng = scaled(net.data.train_images), generator(0, "order")
    with threadpool_limits(1, "blas"):  # the products are too small to gain from threads
        derivatives = unrolled_derivatives(net.network, net.start, images, net.train_labels, descent, batch_rng)
    sensitivity_of_epochs = np.abs(derivatives).sum(axis=2)
    averages = sensitivity_of_epochs.cumsum(axis=0) / np.arange(1, descent.epochs + 1)[:, np.newaxis]
    return np.array([np.nan, *gini(averages.T)])
