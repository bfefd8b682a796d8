"""The reference network, which finds the images close to a boundary between classes; see `mlp.data.label_noise`."""

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlp.data.randomness import generator
from mlp.data.sets import Dataset, blocks
from mlp.engine.trainer import Trainer
from mlp.nn.descent import Descent, scaled
from mlp.nn.network import Network

# Cell keys do not contain them: if they change, so must `METHOD` of the keys.
NEURONS, RECIPE = 32, Descent(0.1, batch_size=32, epochs=3, schedule="cosine")


def reference_answers(data: Dataset) -> NDArray:
    """Softmax activations (n, classes) of the reference network for the training images, float32.

    It has one hidden layer of 32 ReLU neurons, and is trained on the true labels for three epochs with random numbers
    of seed 0: always the same network for a data set.

    Notes
    -----
    BLAS has one thread, because its sums have other roundings with more, which could change a label that depends on
    them. It is also faster: the products are small.
    """
    images, labels = data.train_images, data.train_labels
    network = Network((images.shape[1], NEURONS, data.classes), "relu", "cross_entropy")
    start, batch_rng = network.initialize(generator(0, "start")), generator(0, "order")
    with threadpool_limits(1, "blas"):
        trainer = Trainer(network, start, RECIPE, batch_rng, images, generator(0, "dropout"))
        examples = trainer.examples(images, labels, None)
        for epoch in range(RECIPE.epochs):
            trainer.train(examples, epoch)
        return np.concatenate([network.answers(trainer.parameters, scaled(block)) for block in blocks(images)])
