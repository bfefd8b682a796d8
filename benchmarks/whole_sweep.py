"""Whole sweeps with `mlp run shuffle`, each in a folder with a store of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from flows import load_runs


def command(options: list[str]) -> list[str]:
    """The command that runs the sweep."""
    return [str(Path(sys.executable).with_name("mlp")), "run", "shuffle", *options]


def environment(folder: Path) -> dict[str, str]:
    """Its variables: Prefect's folder is not the one that `prepare_environment` has set in this process."""
    return os.environ | {"PREFECT_HOME": f"{folder}/mlruns/prefect"}


def sweep_seconds(options: list[str], folder: Path) -> float:
    """Run a sweep; its wall-clock time."""
    begin = time.perf_counter()
    done = subprocess.run(command(options), cwd=folder, capture_output=True, text=True, env=environment(folder))
    seconds = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"mlp run ended with exit code {done.returncode}: {done.stdout}{done.stderr}")
    return seconds


def runs_of(folder: Path) -> pd.DataFrame:
    """The runs of the latest sweep in a folder."""
    return load_runs("shuffle", tracking_server=f"sqlite:///{folder}/mlruns/mlflow.db")


def training_seconds(runs: pd.DataFrame) -> float:
    """From the start of the first cell to the end of the last."""
    begun = runs["started"].map(pd.Timestamp.timestamp)
    return (begun + runs["seconds"]).max() - begun.min()
