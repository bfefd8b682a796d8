"""A store with sweeps whose metrics the test chooses; no network is trained."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.store.connection import open_store
from flows.store.experiments import NAME

NOW = 1_700_000_000_000  # ms


@dataclass
class Store:
    """An MLflow store on SQLite, with methods that write sweeps as the flow does."""

    folder: Path
    client: MlflowClient

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder}/mlflow.db"

    def sweep(
        self, experiment: Experiment, metrics: Callable[[Cell], dict[str, float]], steps: int = 4, weights: bool = False
    ) -> tuple[str, dict[str, Cell]]:
        """Write a finished sweep whose cells end with the given metrics; every curve is a straight line from 0."""
        experiment_id = self.experiment(experiment.name)
        cells = {cell.key("digest"): cell for cell in experiment.cells()}
        sweep_id = self.client.create_run(experiment_id, run_name="sweep", tags={"kind": "sweep"}).info.run_id
        self.client.log_dict(sweep_id, {key: cell.name for key, cell in cells.items()}, "cells.json")
        self.client.log_dict(sweep_id, experiment.model_dump(mode="json"), "experiment.yaml")
        for key, cell in cells.items():
            self.cell(experiment_id, sweep_id, key, cell, metrics(cell), steps, weights)
        self.client.set_terminated(sweep_id)
        return sweep_id, cells

    def experiment(self, name: str) -> str:
        if found := self.client.get_experiment_by_name(name):
            return found.experiment_id
        return self.client.create_experiment(name, str(self.folder / "artifacts" / name), {NAME: name})

    def cell(
        self, experiment_id: str, sweep_id: str, key: str, cell: Cell, metrics: dict, steps: int, weights: bool
    ) -> str:
        tags = {"mlflow.parentRunId": sweep_id, "sweep": sweep_id, "kind": "cell", "cell": key}
        run_id = self.client.create_run(experiment_id, NOW, tags, run_name=cell.name).info.run_id
        points = [
            Metric(name, value * step / max(steps, 1), NOW + step, step)
            for name, value in metrics.items()
            for step in (range(steps + 1) if name.startswith(("train/", "test/")) else [steps])
        ]
        self.client.log_batch(run_id, points, [Param(name, str(value)) for name, value in cell.params().items()])
        if weights:
            self.weights(run_id, cell)
        self.client.set_terminated(run_id, "FINISHED", NOW + 2000)
        return run_id

    def weights(self, run_id: str, cell: Cell) -> None:
        sizes = cell.sizes
        rng = np.random.default_rng(cell.seed)
        layers = {f"W{i}": rng.normal(size=shape) for i, shape in enumerate(pairwise(sizes))}
        path = self.folder / "weights.npz"
        np.savez(path, **layers, **{f"b{i}": np.zeros(size) for i, size in enumerate(sizes[1:])})
        self.client.log_artifact(run_id, str(path))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, created once because that takes seconds."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    open_store(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Callable[[], Store]:
    """A function that makes an empty store."""

    def make() -> Store:
        folder = tmp_path_factory.mktemp("store")
        path = folder / "mlflow.db"
        # Copying the file would not do: the newest pages may still be in the write-ahead log beside it.
        with closing(sqlite3.connect(empty_store)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
        return Store(folder, open_store(f"sqlite:///{path}"))

    return make


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    return new_store()
