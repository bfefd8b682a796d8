"""The programs that `throughput.py` compares. Each trains the same task in a process of its own.

``python peers.py NAME TASK`` prepares one of them and prints a line of JSON. Then it trains for one epoch per line that
it reads, and prints the processor time of the epoch and the test accuracy so far, as a line of JSON.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np
from floor import bare_products
from numpy.typing import NDArray

from mlp import CellJob, DataFallback, Dataset, Descent, Network, generator, load
from mlp.engine.layers import Layers
from mlp.engine.pixels import Images, layout_of
from mlp.engine.stack import measure, run_epoch
from mlp.nn.descent import scaled, train
from mlp.nn.network import Layer, Parameters


@dataclass(frozen=True)
class Task:
    """What is trained: networks from seeds 0, 1, 2 ... on shared mini-batches, by plain gradient descent.

    The networks have sigmoids and the quadratic cost. The learning rate is constant.
    """

    data: Dataset
    network: Network
    descent: Descent
    networks: int

    @classmethod
    def of(cls, batch: int, networks: int, hidden: list[int]) -> "Task":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataFallback)  # throughput.py prints the name of the data set
            data = load("auto")
        network = Network((data.train_images.shape[1], *hidden, data.classes))
        rate = min(1.5, 50 / max(hidden))  # wider networks take smaller steps
        return cls(data, network, Descent(rate, batch, schedule="constant"), networks)

    def starts(self) -> list[Parameters]:
        return [self.network.initialize(generator(seed, "start")) for seed in range(self.networks)]

    def orders(self) -> Iterator[NDArray]:
        """For each epoch the row numbers of its mini-batches (batches, batch_size), without a smaller last one."""
        rng, rows, size = generator(0, "order"), len(self.data.train_images), self.descent.batch_size
        while True:
            yield rng.permutation(rows)[: rows // size * size].reshape(-1, size)

    def accuracy(self, parameters: list[Parameters]) -> float:
        """Mean test accuracy of the networks."""
        images = scaled(self.data.test_images)
        hits = [self.network.answers(some, images).argmax(axis=1) == self.data.test_labels for some in parameters]
        return float(np.mean(hits))


Trained = Callable[[], list[Parameters]]  # returns the parameters of a peer; it is not timed


def stack(task: Task) -> Iterator[Trained]:
    """The engine of this project."""
    layers, images, train_labels = engine(task)
    batch_rng = generator(0, "order")
    while True:
        yield layers.parameters
        run_epoch(layers, images, train_labels, 0, [batch_rng])


def engine(task: Task) -> tuple[Layers, Images, NDArray]:
    layout = layout_of(task.data.train_images, center=False)
    layers = Layers(task.network, task.starts(), layout, shared=True, descents=[task.descent] * task.networks)
    return layers, Images(task.data.train_images, layout), np.tile(task.data.train_labels, (task.networks, 1))


def evaluation(task: Task) -> Iterator[Trained]:
    """Evaluation of the engine's networks on the full training and test sets."""
    layers, images, train_labels = engine(task)
    test_images = Images(task.data.test_images, layers.layout)
    test_labels = np.tile(task.data.test_labels, (task.networks, 1))
    while True:
        yield layers.parameters
        measure(layers, images, train_labels)
        measure(layers, test_images, test_labels)


def floor(task: Task) -> Iterator[Trained]:
    """Only the matrix products of the engine's steps."""
    layers, images, _ = engine(task)
    products = bare_products(layers, images, task.descent)
    while True:
        yield layers.parameters
        products()


def single(task: Task) -> Iterator[Trained]:
    """The readable training loop of this project, with one network."""
    parameters, batch_rng = task.starts()[0], generator(0, "order")
    epoch = Descent(task.descent.learning_rate, task.descent.batch_size, epochs=1)
    while True:
        yield partial(list, [parameters])
        job = CellJob(parameters, task.data.train_labels, epoch, batch_rng)
        parameters = train(task.network, job, task.data.train_images)


def sklearn(task: Task) -> Iterator[Trained]:
    """scikit-learn's estimator, with one network. It has softmax and cross-entropy, so its learning rate differs."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        task.network.sizes[1:-1], activation="logistic", solver="sgd", alpha=0, batch_size=task.descent.batch_size,
        learning_rate_init=0.5, momentum=0, random_state=0,
    )  # fmt: skip
    images, labels = scaled(task.data.train_images), task.data.train_labels
    model.partial_fit(images[: task.descent.batch_size], labels[: task.descent.batch_size], classes=np.unique(labels))
    while True:
        yield lambda: [[Layer(*pair) for pair in zip(model.coefs_, model.intercepts_, strict=True)]]
        model.partial_fit(images, labels)


def torch(task: Task) -> Iterator[Trained]:
    """PyTorch's modules and optimizer, with one network."""
    import torch

    torch.set_num_threads(1)
    start, modules = task.starts()[0], []
    for weights, biases in start:
        linear = torch.nn.Linear(*weights.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weights.T))
            linear.bias.copy_(torch.from_numpy(biases))
        modules += [linear, torch.nn.Sigmoid()]
    model = torch.nn.Sequential(*modules)
    optimizer = torch.optim.SGD(model.parameters(), lr=task.descent.learning_rate)
    images, targets = torch_tensors(task)
    orders = task.orders()
    while True:
        yield lambda: [[Layer(m.weight.detach().numpy().T, m.bias.detach().numpy()) for m in modules[::2]]]
        for rows in torch.from_numpy(next(orders)):
            optimizer.zero_grad()
            ((model(images[rows]) - targets[rows]) ** 2).sum(dim=1).mean().backward()
            optimizer.step()


def torch_tensors(task: Task) -> tuple:
    import torch

    return tuple(
        torch.from_numpy(array)
        for array in (scaled(task.data.train_images), task.network.targets(task.data.train_labels))
    )


def torch_bmm(task: Task) -> Iterator[Trained]:
    """PyTorch with the networks stacked: batched products, and automatic differentiation."""
    import torch

    torch.set_num_threads(1)
    values = [torch.from_numpy(array).requires_grad_() for array in stacked(task)]
    images, targets = torch_tensors(task)
    orders = task.orders()
    while True:
        yield partial(unstacked, [value.detach().numpy() for value in values])
        for rows in torch.from_numpy(next(orders)):
            activations = images[rows].expand(task.networks, -1, -1)
            for weights, biases in zip(values[::2], values[1::2], strict=True):
                activations = torch.sigmoid(torch.baddbmm(biases, activations, weights))
            cost = ((activations - targets[rows]) ** 2).sum(dim=(0, 2)).mean()
            gradients = torch.autograd.grad(cost, values)
            with torch.no_grad():
                torch._foreach_add_(values, gradients, alpha=-task.descent.learning_rate)


def jax_vmap(task: Task) -> Iterator[Trained]:
    """JAX: the gradient of one network, vmapped over the networks; the scan over an epoch is compiled as a whole."""
    import jax
    import jax.numpy as jnp

    images = jnp.asarray(scaled(task.data.train_images))
    targets = jnp.asarray(task.network.targets(task.data.train_labels))
    values = [jnp.asarray(array) for array in stacked(task)]

    def cost(values, batch_images, batch_targets):
        activations = batch_images
        for weights, biases in zip(values[::2], values[1::2], strict=True):
            activations = jax.nn.sigmoid(activations @ weights + biases[0])
        return ((activations - batch_targets) ** 2).sum(axis=1).mean()

    def step(values, rows):
        gradient = jax.vmap(jax.grad(cost), (0, None, None))(values, images[rows], targets[rows])
        return [
            value - task.descent.learning_rate * change for value, change in zip(values, gradient, strict=True)
        ], None

    epoch = jax.jit(lambda values, order: jax.lax.scan(step, values, order)[0])
    orders = task.orders()
    epoch = epoch.lower(values, jnp.asarray(next(task.orders()))).compile()
    while True:
        yield partial(unstacked, values)
        values = jax.block_until_ready(epoch(values, jnp.asarray(next(orders))))


def stacked(task: Task) -> list[NDArray]:
    """Weights (networks, fan_in, fan_out) and biases (networks, 1, fan_out), layer by layer."""
    return [
        np.stack([array.reshape(-1, array.shape[-1]) for array in arrays])
        for layers in zip(*task.starts(), strict=True)
        for arrays in zip(*layers, strict=True)
    ]


def unstacked(values: list) -> list[Parameters]:
    """The inverse of `stacked`, for the arrays of any library."""
    arrays = [np.asarray(value) for value in values]
    pairs = list(zip(arrays[::2], arrays[1::2], strict=True))
    return [[Layer(weights[i], biases[i, 0]) for weights, biases in pairs] for i in range(len(arrays[0]))]


PEERS = {
    "stack": stack,
    "single": single,
    "sklearn": sklearn,
    "torch": torch,
    "torch-bmm": torch_bmm,
    "jax-vmap": jax_vmap,
}
PARTS = {"floor": floor, "evaluation": evaluation}  # of the engine
PACKAGES = {"sklearn": "sklearn", "torch": "torch", "torch-bmm": "torch", "jax-vmap": "jax"}


def main(name: str, settings: str) -> None:
    if name in PACKAGES and find_spec(PACKAGES[name]) is None:
        print(json.dumps({"missing": PACKAGES[name]}), flush=True)
        return
    task = Task.of(**json.loads(settings))
    peer = (PEERS | PARTS)[name](task)
    trained = next(peer)
    networks = len(trained())
    print(json.dumps({"networks": networks, "data": task.data.name}), flush=True)
    for _ in sys.stdin:
        begin = time.process_time()
        trained = next(peer)
        seconds = time.process_time() - begin
        print(json.dumps({"ms": 1e3 * seconds / networks, "accuracy": task.accuracy(trained())}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
