"""The matrix products that a step of the engine needs, without the rest of the step."""

from collections.abc import Callable
from itertools import chain, cycle, islice

import numpy as np

from mlp import Descent, generator
from mlp.engine.layers import Layers
from mlp.engine.pixels import Images

BATCHES = 256  # mini-batches that are kept, and multiplied repeatedly


def bare_products(layers: Layers, images: Images, descent: Descent) -> Callable[[], None]:
    """Return a function that computes the products of one epoch, in the engine's own arrays.

    A step needs two products for the first layer and three for each other layer. Delta is 0, so the weights do
    not change.
    """
    steps = len(images.images) // descent.batch_size
    drawn = chain.from_iterable(chunk for _, chunk in images.mini_batches(descent, generator(0, "order")))
    batches = [batch._replace(dense=batch.dense.copy()) for batch in islice(drawn, min(steps, BATCHES))]
    learning = layers.pass_of(descent.batch_size)
    learning.forward(layers.one_per_group(batches[:1]))
    learning.delta.fill(0)

    def products() -> None:
        for batch in islice(cycle(batches), steps):
            one_per_group = layers.one_per_group([batch])
            learning.first.add_up(one_per_group)
            for connection in learning.connections:
                np.matmul(connection.below, connection.weights, out=connection.above)
            for connection in reversed(learning.connections):
                np.matmul(connection.below_transposed, connection.delta, out=connection.gradient)
                np.matmul(connection.delta, connection.weights_transposed, out=connection.below_delta)
            learning.first.add_gradient(one_per_group)

    return products
