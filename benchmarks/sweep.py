"""A whole sweep with tracking: `mlp run shuffle` compared with the same grid in scikit-learn and MLflow.

The peer trains one cell on each core with joblib and `MLPClassifier`, epoch by epoch, and logs the cost and the
accuracies of each epoch with MLflow's fluent API. The whole grid would take it more than a quarter of an hour. By
default it therefore trains only some of the cells and epochs, and the time is scaled to the whole grid, as the output
says. Times are wall-clock times on all cores.
"""

import argparse
import json
import tempfile
import time
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import joblib
import mlflow
import numpy as np
from threadpoolctl import threadpool_limits
from whole_sweep import sweep_seconds

from flows.platform.environment import prepare_environment
from flows.platform.system import cores
from mlp import DataFallback, Dataset, generator, load
from mlp.data.corruption import corrupt_labels
from mlp.nn.descent import scaled

FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)


def run_ours(data: str, seeds: int, epochs: int, folder: Path) -> float:
    """Seconds of `mlp run`, in a new store that a previous run of one cell has created."""
    sweep_seconds(["--data", data, "--seeds", str(seeds), "--shuffle", "0", "--epochs", "1"], folder)
    return sweep_seconds(["--data", data, "--seeds", f"0-{seeds - 1}", "--epochs", str(epochs)], folder)


def train_peer(data: Dataset, seed: int, fraction: float, epochs: int, uri: str) -> None:
    """Train and log one cell, as a user of both libraries would."""
    from sklearn.neural_network import MLPClassifier

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("peer")
    images, test_images = scaled(data.train_images), scaled(data.test_images)
    labels = corrupt_labels(data.train_labels, "shuffle", fraction, data.classes, generator(seed, "corruption"))
    model = MLPClassifier(
        (16, 16), activation="logistic", solver="sgd", alpha=0, batch_size=10, learning_rate_init=0.5, momentum=0,
        random_state=seed,
    )  # fmt: skip
    with threadpool_limits(1, "blas"), mlflow.start_run(run_name=f"seed={seed} shuffle={fraction}"):
        mlflow.log_params({"seed": seed, "fraction": fraction, "epochs": epochs, "batch_size": 10})
        for epoch in range(epochs):
            model.partial_fit(images, labels, classes=np.arange(data.classes))
            mlflow.log_metric("train/cost", model.loss_, step=epoch)
            mlflow.log_metric("train/accuracy", model.score(images, labels), step=epoch)
            mlflow.log_metric("test/accuracy", model.score(test_images, data.test_labels), step=epoch)


def run_peer(data: Dataset, cells: list[tuple[int, float]], epochs: int, folder: Path) -> float:
    """Seconds of the peer, without starting its processes and creating the store."""
    uri = f"sqlite:///{folder / 'peer.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("peer")
    with joblib.Parallel(n_jobs=cores()) as parallel:
        parallel(joblib.delayed(train_peer)(data, *cell, 0, uri) for cell in cells)
        begin = time.perf_counter()
        parallel(joblib.delayed(train_peer)(data, *cell, epochs, uri) for cell in cells)
        return time.perf_counter() - begin


def compare(seeds: int, epochs: int, peer_cells: int, peer_epochs: int) -> dict[str, Any]:
    """Times of both, and their ratio."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataFallback)  # the output names the data set
        data = load("auto")
    grid = list(product(range(seeds), FRACTIONS))
    cells, peer_epochs = grid[:peer_cells], min(peer_epochs, epochs)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = run_ours(data.name, seeds, epochs, folder)
        peer = run_peer(data, cells, peer_epochs, folder)
    whole = peer * len(grid) / len(cells) * epochs / peer_epochs
    return {
        "data": data.name,
        "cells": len(grid),
        "epochs": epochs,
        "seconds": ours,
        "peer_seconds": whole,
        "peer_measured": {"cells": len(cells), "epochs": peer_epochs, "seconds": peer},
        "ratio": whole / ours,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="seeds of the grid, each with five fractions")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--peer-cells", type=int, default=cores(), help="cells that the peer trains, one on each core")
    parser.add_argument("--peer-epochs", type=int, default=3, help="epochs that the peer trains")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    given = parser.parse_args()
    result = compare(given.seeds, given.epochs, given.peer_cells, given.peer_epochs)
    if given.json:
        print(json.dumps(result))
        return
    part = result["peer_measured"]
    print(f"{result['data']}, {result['cells']} cells, {result['epochs']} epochs, {cores()} cores")
    print(f"mlp run shuffle           {result['seconds']:8.0f} s")
    print(
        f"scikit-learn and MLflow   {result['peer_seconds']:8.0f} s, scaled from {part['cells']} cells "
        f"and {part['epochs']} epochs in {part['seconds']:.0f} s"
    )
    print(f"ratio                     {result['ratio']:8.1f}\n")


if __name__ == "__main__":
    prepare_environment()
    main()
