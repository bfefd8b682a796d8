"""Claims of Arpit et al. 2017, "A Closer Look at Memorization in Deep Networks" (arXiv 1706.05394)."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Run, over_seeds, values_of, where, worst
from mlp.claims.zhang import epochs_to_fit, rank_correlation
from mlp.descent import scaled, train
from mlp.memorization import (
    GREY_LEVEL,
    critical_samples,
    difficulty_dispersion,
    equal_difficulty,
    example_difficulty,
    gini,
    loss_sensitivity,
)
from mlp.randomness import generator

DIFFICULTY_ROWS = 1_000  # training images whose difficulty is measured
CRITICAL_ROWS = 200  # training images whose surroundings are searched
RADII = {"paper": 0.3, "wide": 8.0}  # of the search, in grey levels 0..255


def difficulty(nets: list[Run]) -> Findings:
    """Figure 1: how many of the networks get each training image wrong after one epoch."""
    some = slice(DIFFICULTY_ROWS)
    quantities: dict[str, Any] = {}
    shown = {}
    for name, kind in (("real", "true"), ("noise", "gaussian")):
        runs = where(nets, inputs=kind)
        images, wanted = scaled(runs[0].data.train_images[some]), runs[0].data.train_labels[some]
        predicted = np.array([run.network.answers(run.parameters, images).argmax(axis=1) for run in runs])
        shares = example_difficulty(predicted, wanted)
        shown[name], shown[f"{name}, if all were alike"] = np.sort(shares), equal_difficulty(shares, len(runs))
        quantities |= {
            f"{name}_mean": float(shares.mean()),
            f"{name}_dispersion": difficulty_dispersion(shares, len(runs)),
            f"{name}_dispersion_of_a_digit": within_labels(shares, wanted, len(runs)),
            f"{name}_always_right": float((shares == 0).mean()),
        }
    return Findings(quantities, {"difficulty": figures.difficulty(shown)})


def within_labels(shares: NDArray, labels: NDArray, networks: int) -> float:
    """Mean over the labels of the dispersion among the images that have one label.

    A network that has learned nothing yet but how frequent each digit is answers the most frequent one: that alone
    makes its images look easy.
    """
    found = [difficulty_dispersion(shares[labels == label], networks) for label in np.unique(labels)]
    return float(np.nanmean(found)) if np.isfinite(found).any() else np.nan


def sensitivity(small: list[Run]) -> Findings:
    """Figure 3: how unequally the training images' pixels matter, as the training goes on.

    The training is repeated with `mlp.descent.train`, from the same start and in the same order, to see it from inside:
    the sensitivity of each image is averaged over the ends of all epochs so far (the paper averages over all steps),
    and `gini` says how unequal the averages are.
    """
    courses = {
        name: np.array([sensitivity_course(run) for run in where(small, inputs=kind, fraction=fraction)])
        for name, kind, fraction in (("real", "true", 0), ("noise", "gaussian", 0), ("labels", "true", 1))
    }
    last = {name: course[:, -1] for name, course in courses.items()}
    quantities = {f"gini_{name}": values for name, values in last.items()} | {
        "real_over_noise": last["real"] - last["noise"],
        "real_over_labels": last["real"] - last["labels"],
    }
    names = {"real": "real data", "noise": "random images", "labels": "random labels"}
    shown = {names[name]: course for name, course in courses.items()}
    return Findings(quantities, {"gini": figures.curves_figure(shown, "Gini coefficient of the sensitivity")})


def sensitivity_course(run: Run) -> NDArray:
    """Gini coefficient of the images' sensitivity, averaged up to each epoch's end; NaN before the first."""
    images, total = scaled(run.data.train_images), np.zeros(run.rows)
    course = [np.nan]

    def on_epoch(epoch, parameters) -> None:
        nonlocal total
        if epoch > 0:
            total += loss_sensitivity(run.network, parameters, images, run.given)
            course.append(float(gini(total / epoch)))

    order = generator(0, "order")
    train(run.network, run.start, run.data.train_images, run.given, run.descent, order, on_epoch)
    return np.array(course)


def critical(labels: list[Run], inputs: list[Run]) -> Findings:
    """Figures 7 to 9: the share of training images that have another answer close by.

    Within the paper's radius, and within one that is usual in the study of adversarial examples: in MNIST's few and
    clear pixels the paper's is too small to meet any.
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


def critical_ratio(run: Run, radius: float) -> float:
    """Share of a network's training images that are critical; the radius is in grey levels 0..255."""
    images = scaled(run.data.train_images[:CRITICAL_ROWS])
    rng = generator(run.seed, "noise")
    return float(critical_samples(run.network, run.parameters, images, rng, radius * GREY_LEVEL).mean())


def capacity(width: list[Run], rows: list[Run]) -> Findings:
    """Figure 6: epochs to fit against the width of the network and against the number of images, real and noise."""
    kinds = {"real": "true", "noise": "gaussian"}

    def epochs(runs: list[Run], attribute: str) -> dict[str, NDArray]:
        return {
            name: np.array([over_seeds(runs, epochs_to_fit, inputs=kind, **{attribute: value})
                            for value in values_of(runs, attribute)])
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
        "fit": worst([*width, *rows], "train/accuracy"),
    }
    pictures = {
        "width": figures.convergence(values_of(width, "width"), by_width, "hidden neurons"),
        "rows": figures.convergence(values_of(rows, "rows"), by_rows, "training images"),
    }
    return Findings(quantities, pictures)
