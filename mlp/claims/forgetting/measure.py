"""Claims of Toneva et al. 2019, "An Empirical Study of Example Forgetting" (arXiv 1812.05159)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Networks, TrainedNetwork
from mlp.data.randomness import generator
from mlp.measures.memorization import correct_by_epoch, forgetting_events, most_forgotten, never_forgotten
from mlp.nn.descent import scaled

REMOVED = 0.3  # share of the training images that the paper leaves out without loss, on CIFAR-10


def measure(nets: Networks) -> Findings:
    """Figures 1, 3 and 5: events by image, those of wrong labels, and training without the least forgotten images.

    The trainings are repeated with `mlp.nn.descent.train`, from the same start and in the same order, to see every
    image after each epoch.
    """
    true, noisy = nets.select(fraction=0), [net for net in nets if net.fraction > 0]
    clean = [learned(net) for net in true]
    events = [forgetting_events(correct) for correct, _ in clean]
    forgotten = [float((~never_forgotten(correct)).mean()) for correct, _ in clean]
    quantities: dict[str, Any] = {
        "never_forgotten": 1 - np.array(forgotten),
        "never_learned": np.array([(~correct.any(axis=0)).mean() for correct, _ in clean]),
        "stable": np.array(
            [correlation(here, there) for here, there in zip(events, [*events[1:], events[0]], strict=True)]
        ),
        "accuracy": np.array([accuracy for _, accuracy in clean]),
    }
    for name, shares in (("some", [1 - REMOVED] * len(true)), ("all", forgotten)):
        trainings = zip(true, clean, shares, strict=True)
        pruned = np.array([without_the_least_forgotten(net, correct, share) for net, (correct, _), share in trainings])
        quantities |= {
            f"{name}_left": np.array(shares),
            f"{name}_loss": quantities["accuracy"] - pruned[:, 0],
            f"{name}_random_loss": quantities["accuracy"] - pruned[:, 1],
            f"{name}_better": pruned[:, 0] - pruned[:, 1],
        }
    counts = []
    for net in noisy:
        often, wrong = forgetting_events(learned(net)[0]), net.train_labels != net.data.train_labels
        counts.append((often[~wrong], often[wrong]))
    means = np.array([(right.mean(), wrong.mean()) for right, wrong in counts])
    quantities |= {
        "events_right": means[:, 0],
        "events_wrong": means[:, 1],
        "wrong_over_right": means[:, 1] / np.where(means[:, 0] > 0, means[:, 0], np.nan),
        "forgotten_right": np.array([(right > 0).mean() for right, _ in counts]),
        "forgotten_wrong": np.array([(wrong > 0).mean() for _, wrong in counts]),
    }
    right, wrong = (np.concatenate(group) for group in zip(*counts, strict=True))
    shown = {"all labels true": np.concatenate(events), "right labels beside wrong ones": right, "wrong labels": wrong}
    return Findings(quantities, {"events": figures.forgetting(shown)})


def correlation(here: NDArray, there: NDArray) -> float:
    """Pearson's correlation of the events of two seeds; NaN where one of them forgot nothing."""
    return float(np.corrcoef(here, there)[0, 1]) if np.ptp(here) and np.ptp(there) else np.nan


def learned(net: TrainedNetwork, rows: NDArray | slice = slice(None)) -> tuple[NDArray, float]:
    """`correct_by_epoch` of a network's training on some rows (epochs, n), and its test accuracy."""
    images, labels = net.data.train_images[rows], net.train_labels[rows]
    correct, parameters = correct_by_epoch(net.network, net.start, images, labels, net.descent)
    answers = net.network.answers(parameters, scaled(net.data.test_images)).argmax(axis=1)
    return correct, float((answers == net.data.test_labels).mean())


def without_the_least_forgotten(net: TrainedNetwork, correct: NDArray, share: float) -> tuple[float, float]:
    """Test accuracies after training on the most forgotten share of the images, and on as many random ones."""
    rng, count = generator(net.seed, "noise"), max(round(share * net.rows), 1)
    chosen = most_forgotten(correct, count, rng), np.sort(rng.permutation(net.rows)[:count])
    forgotten, random = (learned(net, rows)[1] for rows in chosen)
    return forgotten, random
