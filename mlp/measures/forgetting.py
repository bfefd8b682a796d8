"""How often each training image is forgotten (Toneva et al. 2019, arXiv 1812.05159)."""

import numpy as np
from numpy.typing import NDArray

from mlp.data.randomness import generator
from mlp.nn.descent import CellJob, Descent, scaled, train
from mlp.nn.network import Network, Parameters


def correct_by_epoch(
    network: Network, start: Parameters, images: NDArray, labels: NDArray, descent: Descent
) -> tuple[NDArray, Parameters]:
    """Train a network, in the order of seed 0, and note which training images it answers with their label.

    Parameters
    ----------
    images : (n, inputs) uint8
    labels : (n,) int

    Returns
    -------
    (epochs, n) bool
        After each epoch.
    Parameters
        The trained network.
    """
    inputs, correct = scaled(images), []

    def on_epoch(epoch: int, parameters: Parameters) -> None:
        if epoch > 0:
            correct.append(network.answers(parameters, inputs).argmax(axis=1) == labels)

    trained = train(network, CellJob(start, labels, descent, generator(0, "order")), images, on_epoch)
    return np.array(correct), trained


def forgetting_events(correct: NDArray) -> NDArray:
    """How often each image was forgotten: right after one epoch and wrong after the next, (n,).

    Parameters
    ----------
    correct : (epochs, n) bool

    Notes
    -----
    Toneva et al., section 3, look at an image whenever it is in a mini-batch, which is once an epoch too, but at
    another moment for each.
    """
    return (correct[:-1] & ~correct[1:]).sum(axis=0)


def never_forgotten(correct: NDArray) -> NDArray:
    """Images (n,) bool that were learned at some time and not forgotten since: *unforgettable* ones."""
    return correct.any(axis=0) & (forgetting_events(correct) == 0)


def most_forgotten(correct: NDArray, count: int, rng: np.random.Generator) -> NDArray:
    """The rows of the `count` images that are forgotten most often, (count,) ascending; ties are drawn.

    Images that were never learned count as forgotten more often than all others, as in the paper.
    """
    often = np.where(correct.any(axis=0), forgetting_events(correct), len(correct))
    order = np.lexsort((rng.random(often.size), -often))
    return np.sort(order[:count])
