"""Where stacks train: in processes of this machine, or on a running Dask or Ray cluster."""

import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing import get_context
from queue import SimpleQueue
from typing import Any, ParamSpec, Self, TypeVar
from urllib.parse import urlsplit

from mlflow import MlflowClient

from flows.errors import ConfigurationError
from flows.platform.proxies import LOOPBACK
from flows.platform.system import end_signals, end_signals_held
from flows.sweep.liveness import end_with_parent

CONNECT_SECONDS = 5.0
P = ParamSpec("P")
R = TypeVar("R")


class WorkerProcesses:
    """Processes that train a stack each; threads would gain almost nothing on steps this short.

    Each is an executor of its own, so that a process that is killed takes only its own stack with it. In an executor of
    several it could take a lock of the others with it, which would then wait for ever.
    """

    def __init__(self, count: int) -> None:
        self.free: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
        for _ in range(count):
            self.free.put(new_worker())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        while not self.free.empty():
            self.free.get().shutdown()

    def run(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
        """Call a function in a process, as soon as one is free.

        Raises
        ------
        BrokenExecutor
            If the process was killed; another one has taken its place.
        """
        worker = self.free.get()
        try:
            with end_signals_held():  # Ctrl-C also reaches a process that has only just started
                future = worker.submit(function, *arguments, **options)
            return future.result()
        except BrokenExecutor:
            worker = new_worker()
            raise
        finally:
            self.free.put(worker)


def new_worker() -> ProcessPoolExecutor:
    """A worker process; it starts with its first stack."""
    with end_signals_held():
        return ProcessPoolExecutor(1, get_context("spawn"), begin_worker)


def begin_worker() -> None:
    """Ignore Ctrl-C and cancellation, which the flow handles, although they reach every process; end with the flow."""
    for number in end_signals():
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()


def cluster(kind: str, address: str | None) -> Any:
    """Prefect's task runner for a cluster."""
    try:
        if kind == "dask":
            from prefect_dask import DaskTaskRunner

            return DaskTaskRunner(address=address)
        from prefect_ray import RayTaskRunner
    except ImportError:
        raise ConfigurationError(
            f"--runner: {kind} given, which is not installed: pip install 'mlp-flows[{kind}]'"
        ) from None
    return RayTaskRunner(address=address)


def check_cluster(kind: str, address: str | None, tracking_uri: str, experiment: str) -> None:
    """Raise a ConfigurationError if there is no cluster, or its workers can't reach MLflow and Prefect."""
    if not address:
        raise ConfigurationError(
            f"--address: none given; allowed: the address of a {kind} cluster, such as tcp://scheduler:8786"
        )
    place = urlsplit(address if "://" in address else f"//{address}")
    if place.hostname not in LOOPBACK:
        check_servers(tracking_uri)
        check_artifacts(MlflowClient(tracking_uri), experiment)
    try:
        socket.create_connection((place.hostname or "", place.port or 0), timeout=CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"--address: {address} given, where no {kind} cluster answers ({error}); allowed: a running one"
        ) from None


def check_servers(tracking_uri: str) -> None:
    """Raise a ConfigurationError if only this machine can reach MLflow or Prefect."""
    for name, server in (("PREFECT_API_URL", os.environ.get("PREFECT_API_URL", "")), ("--tracking-uri", tracking_uri)):
        if urlsplit(server).hostname in (None, *LOOPBACK) or not server.startswith("http"):
            raise ConfigurationError(
                f"{name}: {server or 'none'} given for a cluster on other machines; allowed: a server that they can "
                "reach, such as those of `mlp up --host`"
            )


def check_artifacts(client: MlflowClient, experiment: str) -> None:
    """Raise a ConfigurationError if only one machine can write the artifacts of an experiment."""
    found = client.get_experiment_by_name(experiment)
    if found and urlsplit(found.artifact_location).scheme in ("", "file"):
        raise ConfigurationError(
            f"name: {experiment!r} given, whose artifacts are in a folder of one machine; allowed on a cluster: an "
            "experiment that was created with the service, or a new one (--set name=…)"
        )
