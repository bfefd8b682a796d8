"""Write `pytorch_oracle.json`: costs, gradients and optimizer steps as PyTorch computes them, all in float64.

The tests read the file, so they need no PyTorch. To make it again:
``pip install torch==2.13.0 numpy==2.4.6`` and ``python tools/make_pytorch_oracle.py``.
"""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

STEPS = 8
# How each optimizer is made, the learning rate, and the decay that is applied to the parameters before each step.
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {"lr": 0.3}, 0),
    "sgd with weight decay": (torch.optim.SGD, {"lr": 0.3, "weight_decay": 0.1}, 0),
    "momentum": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}, 0),
    "momentum with decoupled weight decay": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}, 0.1),
    "nesterov": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}, 0),
    "nesterov with decoupled weight decay": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}, 0.1),
    "adam": (torch.optim.Adam, {"lr": 0.02}, 0),
    "adam with decoupled weight decay": (torch.optim.AdamW, {"lr": 0.02, "weight_decay": 0.1}, 0),
}


def flat(tensors):
    return np.concatenate([tensor.detach().numpy().ravel() for tensor in tensors])


def steps_of(name, tensors, cost):
    """All parameters as one vector after 0, 1, ... STEPS steps."""
    optimizer, settings, decay = OPTIMIZERS[name]
    descent, path = optimizer(tensors, **settings), [flat(tensors)]
    for _ in range(STEPS):
        descent.zero_grad()
        cost().backward()
        with torch.no_grad():
            for tensor in tensors:
                tensor.mul_(1 - settings["lr"] * decay)
        descent.step()
        path.append(flat(tensors))
    return np.array(path)


def network(sizes, rng):
    """Weights and biases, layer by layer."""
    shapes = [shape for a, b in pairwise(sizes) for shape in ((a, b), (b,))]
    return [torch.tensor(rng.normal(size=shape) / shape[0] ** 0.5, requires_grad=True) for shape in shapes]


def cost_of(tensors, images, labels, activation, cost):
    x = images
    for weights, biases in zip(tensors[:-2:2], tensors[1:-2:2], strict=True):
        x = activation(x @ weights + biases)
    z = x @ tensors[-2] + tensors[-1]
    if cost == "cross_entropy":
        return torch.nn.functional.cross_entropy(z, labels)
    return ((torch.sigmoid(z) - torch.eye(z.shape[1], dtype=z.dtype)[labels]) ** 2).sum(dim=1).mean()


def gradients():
    """Costs and gradients of one network of every kind."""
    rng, sizes = np.random.default_rng(1), (6, 5, 4, 3)
    start = flat(network(sizes, rng))
    images, labels = rng.random((7, 6)), rng.integers(3, size=7)
    found = []
    for activation in ("sigmoid", "tanh", "relu"):
        for cost in ("quadratic", "cross_entropy"):
            tensors = network(sizes, np.random.default_rng(1))
            value = cost_of(tensors, torch.tensor(images), torch.tensor(labels), getattr(torch, activation), cost)
            value.backward()
            gradient = flat([tensor.grad for tensor in tensors])
            found.append({"activation": activation, "cost": cost, "value": value.item(), "gradient": gradient})
    return {"sizes": sizes, "parameters": start, "images": images, "labels": labels, "found": found}


def valleys():
    """Steps on C(w) = sum a (w² - 1)² / 4, whose gradient is a w (w² - 1)."""
    curvatures, start, paths = [1.0, 0.3, 2.0], [0.2, -1.8, 1.3], {}
    for name in OPTIMIZERS:
        w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        a = torch.tensor(curvatures, dtype=torch.float64)
        paths[name] = steps_of(name, [w], lambda w=w, a=a: (a * (w**2 - 1) ** 2).sum() / 4)
    return {"curvatures": curvatures, "start": start, "paths": paths}


def task():
    """A network, its training images of 3 by 3 pixels, the same as inputs, and their labels."""
    rng = np.random.default_rng(2)
    pixels, labels = rng.integers(256, size=(24, 9), dtype=np.uint8), rng.integers(3, size=24)
    pixels[:, 4] = 0  # dark in every image
    inputs = (pixels * np.float32(1 / 255)).astype(np.float64)
    return network((9, 4, 3), np.random.default_rng(3)), pixels, torch.tensor(inputs), torch.tensor(labels)


def training():
    """Steps of one network, each on all examples."""
    paths = {}
    for name in OPTIMIZERS:
        tensors, pixels, inputs, labels = task()

        def cost(tensors=tensors, inputs=inputs, labels=labels):
            return cost_of(tensors, inputs, labels, torch.tanh, "cross_entropy")

        paths[name] = steps_of(name, tensors, cost)
    return {"pixels": pixels, "labels": labels, "paths": paths}


def mini_batches():
    """Momentum on mini-batches of 7, with a rate that halves after each of three epochs."""
    (tensors, _, inputs, labels), batch_rng = task(), np.random.default_rng(2)
    velocity, path = [torch.zeros_like(tensor) for tensor in tensors], [flat(tensors)]
    for epoch in range(3):
        rows = batch_rng.permutation(24)
        for batch in (rows[first : first + 7] for first in range(0, 24, 7)):
            cost = cost_of(tensors, inputs[batch], labels[batch], torch.tanh, "cross_entropy")
            # PyTorch's own optimizer multiplies the velocity by the current rate, this project the gradient.
            for tensor, v, g in zip(tensors, velocity, torch.autograd.grad(cost, tensors), strict=True):
                v.mul_(0.9).sub_(0.2 * 0.5**epoch * g)
                with torch.no_grad():
                    tensor.add_(v)
        path.append(flat(tensors))
    return np.array(path)


if __name__ == "__main__":
    oracle = {
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "gradients": gradients(),
        "valleys": valleys(),
        "training": training(),
        "mini_batches": mini_batches(),
    }
    text = json.dumps(oracle, default=lambda array: array.tolist())
    Path(__file__).parents[1].joinpath("tests", "mlp", "nn", "pytorch_oracle.json").write_text(
        f"{text}\n", encoding="utf-8"
    )
