"""What a stack costs: groups of the first layer, and about how many seconds it trains.

The time goes into the groups of the first layer, whether they are full or padded: sixteen networks of sixteen neurons
take little longer than one.
"""

from collections.abc import Sequence

GROUP_COLUMNS = 256  # with more columns, the padding of the last group costs more than wider products gain

# Fitted on one core of a machine with AVX-512 (2026-11-27) for 1 to 32 networks of 16-16, 128 or 512 neurons and
# mini-batches of 10, 32 and 128, with the evaluation of 20,000 images after every epoch; right within a third, to
# balance stacks, not to promise minutes.
SECONDS_PER_PRODUCT = 1.7e-11  # of an image, by input and column of a group
SECONDS_PER_IMAGE = 6.9e-8  # of a cell: the deeper layers, and what is computed element by element
SECONDS_PER_STEP = 2.1e-5  # of a group


def group_size(fan_out: int) -> int:
    """Number of networks in a group: as many as fit into 256 columns, at least one."""
    return max(GROUP_COLUMNS // fan_out, 1)


def stack_seconds(
    sizes: Sequence[int], blocks: Sequence[int], images: int, batch_size: int, epochs: int, shared: bool
) -> float:
    """About how long a stack trains on one core, in seconds.

    Parameters
    ----------
    sizes : sequence of int
        Neurons of each layer of a network, inputs first.
    blocks : sequence of int
        Cells of each block: see `mlp.engine.blocks`.
    images : int
        Of the training set.
    shared : bool
        Whether all cells read the same mini-batches.
    """
    group = group_size(sizes[1]) if shared else 1
    groups = sum(-(-cells // group) for cells in blocks)
    products = SECONDS_PER_PRODUCT * sizes[0] * group * sizes[1] * images
    steps = SECONDS_PER_STEP * -(-images // batch_size)
    return epochs * (groups * (products + steps) + sum(blocks) * SECONDS_PER_IMAGE * images)
