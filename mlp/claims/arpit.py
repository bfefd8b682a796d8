"""Claims of Arpit et al. 2017, "A Closer Look at Memorization in Deep Networks" (arXiv 1706.05394)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import (
    Findings,
    TrainedNetwork,
    censored_epochs,
    curves_over_seeds,
    epochs_to_fit,
    lowest_final,
    over_seeds,
    select,
    values_of,
)
from mlp.claims.zhang import rank_correlation
from mlp.data.randomness import generator
from mlp.measures.memorization import (
    GREY_LEVEL,
    critical_samples,
    difficulty_dispersion,
    epochs_to,
    equal_difficulty,
    example_difficulty,
)
from mlp.nn.descent import scaled

DIFFICULTY_ROWS = 1_000  # training images whose difficulty is measured
CRITICAL_ROWS = 500  # images that are searched for critical ones
RADIUS_ROWS = 100  # the same, for the figure over radii
RADII = (0.3, 1, 2, 4, 8, 16)  # in grey levels 0..255; the first is the paper's
WIDE_RADIUS = 8
EARLIER_MOST = 5_000  # training images, of the earlier set-up of `capacity`


def difficulty(nets: list[TrainedNetwork], labels: list[TrainedNetwork], plain: list[TrainedNetwork]) -> Findings:
    """Figure 1: share of the networks that misclassify each training image after one epoch.

    Parameters
    ----------
    nets
        Trained on real and on random images, equally many of each label.
    labels
        Trained on the same real images with random labels, the same for all networks.
    plain
        Trained on the first images of the training set, whose labels are not equally frequent.
    """
    groups = {
        "real": select(nets, inputs="true"),
        "noise": select(nets, inputs="gaussian"),
        "labels": labels,
        "plain_real": select(plain, inputs="true"),
        "plain_noise": select(plain, inputs="gaussian"),
    }
    quantities: dict[str, Any] = {}
    shown = {}
    for name, selected in groups.items():
        images, given = scaled(selected[0].data.train_images[:DIFFICULTY_ROWS]), selected[0].given[:DIFFICULTY_ROWS]
        predicted = np.array([net.network.answers(net.parameters, images).argmax(axis=1) for net in selected])
        shares = example_difficulty(predicted, given)
        if not name.startswith("plain"):
            shown[name], shown[f"{name}, if equally difficult"] = (
                np.sort(shares),
                equal_difficulty(shares, len(selected)),
            )
        quantities |= {
            f"{name}_mean": float(shares.mean()),
            f"{name}_dispersion": difficulty_dispersion(shares, len(selected)),
            f"{name}_dispersion_of_a_digit": dispersion_within_labels(shares, given, len(selected)),
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


def critical(labels: list[TrainedNetwork], inputs: list[TrainedNetwork]) -> Findings:
    """Figures 7 to 9: critical sample ratio of held-out images, and of the training images.

    A fitted network keeps its training images clear of its boundaries: at the paper's radius none of them is critical.
    """
    fractions = values_of(labels, "fraction")
    quantities: dict[str, Any] = {}
    pictures = {}
    for name, kind, radius in (
        ("heldout", "test", RADII[0]),
        ("paper", "train", RADII[0]),
        ("wide", "train", WIDE_RADIUS),
    ):
        measure = partial(critical_ratio, kind=kind, radius=radius)
        ratios = np.array([over_seeds(labels, measure, fraction=p) for p in fractions])
        noise = over_seeds(inputs, measure)
        quantities |= {
            f"{name}_real": ratios[0],
            f"{name}_labels": ratios[-1],
            f"{name}_noise": noise,
            f"{name}_labels_over_real": ratios[-1] - ratios[0],
            f"{name}_noise_over_real": noise - ratios[0],
            f"{name}_with_labels": rank_correlation(fractions, ratios),
        }
        if name == "heldout":
            pictures["critical"] = figures.critical(fractions, ratios, noise)
    ends = {
        "real data": labels[0],
        "random labels": select(labels, fraction=fractions[-1])[0],
        "random images": inputs[0],
    }
    by_radius = {
        f"{name}, {words}": np.array([critical_ratio(net, kind, radius, RADIUS_ROWS) for radius in RADII])
        for name, net in ends.items()
        for kind, words in (("test", "held out"), ("train", "training images"))
    }
    pictures["radii"] = figures.radii(RADII, by_radius)
    return Findings(quantities, pictures)


def critical_ratio(net: TrainedNetwork, kind: str, radius: float, rows: int | None = None) -> float:
    """Critical sample ratio of a network's first ``train`` or ``test`` images; the radius is in grey levels 0..255."""
    images = {"train": net.data.train_images, "test": net.data.test_images}[kind]
    rng = generator(net.seed, "noise")
    searched = scaled(images[: rows or CRITICAL_ROWS])
    return float(critical_samples(net.network, net.parameters, searched, rng, radius * GREY_LEVEL).mean())


def capacity(width: list[TrainedNetwork], rows: list[TrainedNetwork]) -> Findings:
    """Figure 6: epochs to fit real images and noise, against the network's width and the number of images.

    A network that has not fitted its images by its last epoch is censored: it counts with that epoch, so that what
    grows on noise is given by its lower bound.
    """
    kinds = {"real": "true", "noise": "gaussian"}

    def epochs(nets: list[TrainedNetwork], attribute: str) -> dict[str, NDArray]:
        return {
            name: np.array([over_seeds(nets, censored_epochs, inputs=kind, **{attribute: value})
                            for value in values_of(nets, attribute)])
            for name, kind in kinds.items()
        }  # fmt: skip

    sizes = values_of(rows, "rows")
    by_width, by_rows = epochs(width, "width"), epochs(rows, "rows")
    growth = {name: table[-1] / table[0] for name, table in by_rows.items()}
    exponents = {name: exponent(sizes, table) for name, table in by_rows.items()}
    help_of_width = {name: table[0] / table[-1] for name, table in by_width.items()}
    early = max(i for i, size in enumerate(sizes) if size <= EARLIER_MOST or i == 0)
    quantities = {
        **{f"rows_growth_{name}": values for name, values in growth.items()},
        "rows_growth_ratio": growth["noise"] / growth["real"],
        **{f"exponent_{name}": values for name, values in exponents.items()},
        "exponent_apart": exponents["noise"] - exponents["real"],
        "earlier_growth_ratio": (by_rows["noise"][early] / by_rows["noise"][0])
        / (by_rows["real"][early] / by_rows["real"][0]),
        **{f"width_help_{name}": values for name, values in help_of_width.items()},
        "width_help_ratio": help_of_width["noise"] / help_of_width["real"],
        **{f"unfitted_{name}": float(np.mean([np.isnan(epochs_to_fit(net)) for net in select(rows, inputs=kind)]))
           for name, kind in kinds.items()},
    }  # fmt: skip
    pictures = {
        "rows": figures.convergence(sizes, by_rows, "training images"),
        "width": figures.convergence(values_of(width, "width"), by_width, "hidden neurons"),
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


def exponent(sizes: Sequence[float], epochs: NDArray) -> NDArray:
    """The exponent b of epochs = a sizes^b for each seed, by least squares on logarithms, (seeds,).

    Parameters
    ----------
    sizes : (sizes,)
    epochs : (sizes, seeds)
    """
    x = np.log(sizes) - np.log(sizes).mean()
    return x @ np.log(epochs) / (x @ x)
