"""The products that a step of the engine can't do without, in the engine's own arrays."""

from collections.abc import Callable
from itertools import chain, cycle, islice

import numpy as np

from mlp import Descent, generator
from mlp.layers import Layers
from mlp.pixels import Images

BATCHES = 256  # that are kept and multiplied again and again


def bare_products(layers: Layers, images: Images, descent: Descent) -> Callable[[], None]:
    """A function that makes the products of one epoch, three a layer but two for the first, and nothing between them.

    The slopes are 0, so the weights stay as they are.
    """
    steps = len(images.images) // descent.batch_size
    drawn = chain.from_iterable(chunk for _, chunk in images.mini_batches(descent, generator(0, "order")))
    batches = [batch._replace(dense=batch.dense.copy()) for batch in islice(drawn, min(steps, BATCHES))]
    learning = layers.pass_of(descent.batch_size)
    learning.forward(layers.one_a_group(batches[:1]))
    learning.slopes.fill(0)

    def products() -> None:
        for batch in islice(cycle(batches), steps):
            one_a_group = layers.one_a_group([batch])
            learning.first.add_up(one_a_group)
            for link in learning.links:
                np.matmul(link.below, link.weights, out=link.above)
            for link in reversed(learning.links):
                np.matmul(link.below_transposed, link.above_slopes, out=link.gradient)
                np.matmul(link.above_slopes, link.weights_transposed, out=link.below_slopes)
            learning.first.add_slopes(one_a_group)

    return products
