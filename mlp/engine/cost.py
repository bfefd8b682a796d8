"""What a stack costs: groups of the first layer, and about how many seconds it trains.

Most of the time goes into the first layer. Each of its groups also takes some time at every step, however few networks
it has: sixteen networks of sixteen neurons take less than three times as long as one.
"""

from collections.abc import Sequence
from itertools import pairwise

GROUP_COLUMNS = 256  # wider products gain hardly anything

# Fitted on one core of a machine with AVX-512 while its other core did the same (2026-11-27): 1 to 30 networks of one
# or two hidden layers of 16 to 512 neurons, 100 and 784 inputs, 5,000 to 60,000 images, mini-batches of 10 to 128, with
# and without momentum. Right within a third, to balance stacks, not to promise minutes. To measure an image takes half
# as long as to train on it.
SECONDS_PER_PRODUCT = 1.4e-11  # of an image and a cell, by weight of the first layer
SECONDS_PER_DEEPER_PRODUCT = 2.0e-11  # of an image and a cell, by weight above the first layer
SECONDS_PER_NEURON = 1.3e-9  # of an image and a cell: what is computed element by element
SECONDS_PER_STEP = 2.6e-5  # of a group
SECONDS_PER_MEMORY = 1.9e-10  # of a step and a weight, for a rule that remembers earlier gradients


def group_size(fan_out: int) -> int:
    """Number of networks in a group: as many as fit into 256 columns, at least one."""
    return max(GROUP_COLUMNS // fan_out, 1)


def epoch_seconds(
    sizes: Sequence[int],
    blocks: Sequence[int],
    images: int,
    measured: int,
    batch_size: int,
    *,
    shared: bool,
    remembering: int,
) -> float:
    """About how long a stack trains for one epoch on one core, in seconds.

    Parameters
    ----------
    sizes : sequence of int
        Neurons of each layer of a network, inputs first.
    blocks : sequence of int
        Cells of each block: see `mlp.engine.blocks`.
    images : int
        Of the training set.
    measured : int
        Training and test images whose answers are measured after an epoch.
    shared : bool
        Whether all cells read the same mini-batches.
    remembering : int
        Cells whose step rule remembers earlier gradients, as momentum does.
    """
    cells, group = sum(blocks), group_size(sizes[1]) if shared else 1
    groups = sum(-(-count // group) for count in blocks)
    first, *deeper = (fan_in * fan_out for fan_in, fan_out in pairwise(sizes))
    products = SECONDS_PER_PRODUCT * first + SECONDS_PER_DEEPER_PRODUCT * sum(deeper)
    image = (products + SECONDS_PER_NEURON * sum(sizes[1:])) * cells
    step = SECONDS_PER_STEP * groups + SECONDS_PER_MEMORY * (first + sum(deeper)) * remembering
    return image * (images + measured / 2) + step * -(-images // batch_size)
