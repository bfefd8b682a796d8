"""Claims of Arpit et al. 2017, "A Closer Look at Memorization in Deep Networks" (arXiv 1706.05394)."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import (
    Findings,
    TrainedNetwork,
    curves_over_seeds,
    lowest_final,
    over_seeds,
    select,
    values_of,
)
from mlp.claims.zhang import epochs_to_fit, rank_correlation
from mlp.descent import scaled, train
from mlp.memorization import (
    GREY_LEVEL,
    critical_samples,
    difficulty_dispersion,
    epochs_to,
    equal_difficulty,
    example_difficulty,
    gini,
    loss_sensitivity,
)
from mlp.network import Parameters
from mlp.randomness import generator

DIFFICULTY_ROWS = 1_000  # training images whose difficulty is measured
CRITICAL_ROWS = 200  # training images that are tested for being critical
RADII = {"paper": 0.3, "wide": 8.0}  # in grey levels 0..255


def difficulty(nets: list[TrainedNetwork]) -> Findings:
    """Figure 1: share of the networks that misclassify each training image after one epoch."""
    some = slice(DIFFICULTY_ROWS)
    quantities: dict[str, Any] = {}
    shown = {}
    for name, kind in (("real", "true"), ("noise", "gaussian")):
        selected = select(nets, inputs=kind)
        images, labels = scaled(selected[0].data.train_images[some]), selected[0].data.train_labels[some]
        predicted = np.array([net.network.answers(net.parameters, images).argmax(axis=1) for net in selected])
        shares = example_difficulty(predicted, labels)
        shown[name], shown[f"{name}, if equally difficult"] = np.sort(shares), equal_difficulty(shares, len(selected))
        quantities |= {
            f"{name}_mean": float(shares.mean()),
            f"{name}_dispersion": difficulty_dispersion(shares, len(selected)),
            f"{name}_dispersion_of_a_digit": dispersion_within_labels(shares, labels, len(selected)),
            f"{name}_always_right": float((shares == 0).mean()),
        }
    return Findings(quantities, {"difficulty": figures.difficulty(shown)})


def dispersion_within_labels(shares: NDArray, labels: NDArray, networks: int) -> float:
    """Mean over the labels of the dispersion among the images with the same label.

    A network that has only learned how frequent each digit is always answers the most frequent one, which makes the
    images of that digit look easy.
    """
    dispersions = [difficulty_dispersion(shares[labels == label], networks) for label in np.unique(labels)]
    return float(np.nanmean(dispersions)) if np.isfinite(dispersions).any() else np.nan


def sensitivity(small: list[TrainedNetwork]) -> Findings:
    """Figure 3: inequality of the loss-sensitivity over the training images, by epoch.

    The training is repeated with `mlp.descent.train`, from the same start and in the same order, to measure each epoch.
    The sensitivity of each image is averaged over the ends of all epochs so far (the paper averages over all steps);
    `gini` measures the inequality of these averages.
    """
    curves = {
        name: np.array([sensitivity_gini(net) for net in select(small, inputs=kind, fraction=fraction)])
        for name, kind, fraction in (("real", "true", 0), ("noise", "gaussian", 0), ("labels", "true", 1))
    }
    last = {name: curve[:, -1] for name, curve in curves.items()}
    quantities = {f"gini_{name}": values for name, values in last.items()} | {
        "real_over_noise": last["real"] - last["noise"],
        "real_over_labels": last["real"] - last["labels"],
    }
    names = {"real": "real data", "noise": "random images", "labels": "random labels"}
    shown = {names[name]: curve for name, curve in curves.items()}
    return Findings(quantities, {"gini": figures.curves_figure(shown, "Gini coefficient of the sensitivity")})


def sensitivity_gini(net: TrainedNetwork) -> NDArray:
    """Gini coefficient of the images' average sensitivity after each epoch, (epochs + 1,); NaN before the first."""
    images, total = scaled(net.data.train_images), np.zeros(net.rows)
    curve = [np.nan]

    def on_epoch(epoch: int, parameters: Parameters) -> None:
        nonlocal total
        if epoch > 0:
            total += loss_sensitivity(net.network, parameters, images, net.given)
            curve.append(float(gini(total / epoch)))

    order = generator(0, "order")
    train(net.network, net.start, net.data.train_images, net.given, net.descent, order, on_epoch)
    return np.array(curve)


def critical(labels: list[TrainedNetwork], inputs: list[TrainedNetwork]) -> Findings:
    """Figures 7 to 9: critical sample ratio of the training images.

    With the paper's radius, and with one that is common for adversarial examples: on MNIST the paper's radius finds
    hardly any critical samples.
    """
    fractions = values_of(labels, "fraction")
    quantities: dict[str, Any] = {}
    pictures = {}
    for name, radius in RADII.items():
        ratios = np.array([over_seeds(labels, partial(critical_ratio, radius=radius), fraction=p) for p in fractions])
        noise = over_seeds(inputs, partial(critical_ratio, radius=radius))
        quantities |= {
            f"{name}_real": ratios[0],
            f"{name}_labels": ratios[-1],
            f"{name}_noise": noise,
            f"{name}_labels_over_real": ratios[-1] - ratios[0],
            f"{name}_noise_over_real": noise - ratios[0],
            f"{name}_with_labels": rank_correlation(fractions, ratios),
        }
        pictures[f"critical_{name}"] = figures.critical(fractions, ratios, noise)
    return Findings(quantities, pictures)


def critical_ratio(net: TrainedNetwork, radius: float) -> float:
    """Critical sample ratio of a network's training images; the radius is in grey levels 0..255."""
    images = scaled(net.data.train_images[:CRITICAL_ROWS])
    rng = generator(net.seed, "noise")
    return float(critical_samples(net.network, net.parameters, images, rng, radius * GREY_LEVEL).mean())


def capacity(width: list[TrainedNetwork], rows: list[TrainedNetwork]) -> Findings:
    """Figure 6: epochs to fit real images and noise, against the network's width and the number of images."""
    kinds = {"real": "true", "noise": "gaussian"}

    def epochs(nets: list[TrainedNetwork], attribute: str) -> dict[str, NDArray]:
        return {
            name: np.array([over_seeds(nets, epochs_to_fit, inputs=kind, **{attribute: value})
                            for value in values_of(nets, attribute)])
            for name, kind in kinds.items()
        }  # fmt: skip

    by_width, by_rows = epochs(width, "width"), epochs(rows, "rows")
    growth = {name: table[-1] / table[0] for name, table in by_rows.items()}
    help_of_width = {name: table[0] / table[-1] for name, table in by_width.items()}
    quantities = {
        "rows_growth_real": growth["real"],
        "rows_growth_noise": growth["noise"],
        "rows_growth_ratio": growth["noise"] / growth["real"],
        "width_help_real": help_of_width["real"],
        "width_help_noise": help_of_width["noise"],
        "width_help_ratio": help_of_width["noise"] / help_of_width["real"],
        "fit": lowest_final([*width, *rows], "train/accuracy"),
    }
    pictures = {
        "width": figures.convergence(values_of(width, "width"), by_width, "hidden neurons"),
        "rows": figures.convergence(values_of(rows, "rows"), by_rows, "training images"),
    }
    return Findings(quantities, pictures)


def patterns_first(nets: list[TrainedNetwork]) -> Findings:
    """Figure 7: the test accuracy by epoch, with wrong labels, has its peak before these labels are memorized."""
    fractions = values_of(nets, "fraction")

    def peak(net: TrainedNetwork) -> int:
        return int(net.curve("test/accuracy").argmax())

    def lost(net: TrainedNetwork) -> float:
        return net.curve("test/accuracy").max() - net.final("test/accuracy")

    def memorized(net: TrainedNetwork) -> NDArray:
        return net.curve("train/accuracy_memorized")

    wrong = [net for net in nets if net.fraction > 0]
    losses = np.array([over_seeds(nets, lost, fraction=p) for p in fractions])
    quantities: dict[str, Any] = {
        "before": float(np.mean([not epochs_to(memorized(net), 0.5) <= peak(net) for net in wrong])),
        "memorized_at_peak": np.max([over_seeds(wrong, lambda net: memorized(net)[peak(net)], fraction=p)
                                     for p in fractions if p > 0], axis=0),
        "memorized_at_end": lowest_final(wrong, "train/accuracy_memorized"),
        "lost_with_p": rank_correlation(fractions, losses),
        "lost_true": losses[0],
        "lost_least": losses[1:].min(axis=0),
    }  # fmt: skip
    for p, of_seeds in zip(fractions, losses, strict=True):
        quantities |= {
            f"peak_{p:g}": over_seeds(nets, peak, fraction=p),
            f"best_{p:g}": over_seeds(nets, lambda net: net.curve("test/accuracy").max(), fraction=p),
            f"lost_{p:g}": of_seeds,
        }
    curves = {
        metric: {f"{p:.0%}": curves_over_seeds(nets, metric, fraction=p) for p in fractions if p > 0 or of_all}
        for metric, of_all in (("test/accuracy", True), ("train/accuracy_memorized", False))
    }
    return Findings(quantities, {"peak": figures.early_stopping(*curves.values())})
