"""The weights that a cell's run keeps, and those that it began with."""

import numpy as np
import pandas as pd
from mlflow import MlflowClient

from mlp.landscape import weight_images
from mlp.network import Layer, Network, Parameters
from mlp.randomness import generator


def load_weights(client: MlflowClient, run_id: str) -> Parameters:
    """A cell's trained parameters, from the artifact `weights.npz` of its run."""
    with np.load(client.download_artifacts(run_id, "weights.npz"), allow_pickle=False) as arrays:
        return [Layer(arrays[f"W{depth}"], arrays[f"b{depth}"]) for depth in range(len(arrays.files) // 2)]


def first_layer(client: MlflowClient, cell: pd.Series) -> dict[str, np.ndarray]:
    """Pictures (neurons, side, side) of what each neuron of the first layer weighs, and of what training changed.

    Parameters
    ----------
    cell : Series
        A row of `flows.load_runs`.
    """
    trained = load_weights(client, cell["run_id"])
    sizes = (trained[0].weights.shape[0], *(layer.biases.size for layer in trained))
    network = Network(sizes, cell["activation"], cell["cost"], cell["start"])
    start = network.initialize(generator(int(cell["seed"]), "start"))
    weights = trained[0].weights
    return {"trained": weight_images(weights), "change": weight_images(weights - start[0].weights)}
