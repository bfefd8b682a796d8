"""Where stacks train: processes of this machine, or a Dask or Ray cluster that is there already."""

import os
import signal
import socket
from typing import Any
from urllib.parse import urlsplit

from mlflow import MlflowClient
from prefect.task_runners import ProcessPoolTaskRunner

from flows.errors import ConfigurationError
from flows.liveness import end_with_parent

LOOPBACK = ("127.0.0.1", "localhost", "::1")
CONNECT_SECONDS = 5.0


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def processes(workers: int) -> Any:
    """A process a core: threads gain next to nothing on steps this short."""
    return ProcessPoolTaskRunner(max_workers=workers, initializer=begin_worker)


def begin_worker() -> None:
    """Ctrl-C and a cancelled run reach every process; the flow alone decides what that means. If it dies, so do we."""
    for number in (signal.SIGINT, signal.SIGTERM):
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
    """Raise a ConfigurationError if no cluster is there, or its workers could not reach what a sweep writes to."""
    if not address:
        raise ConfigurationError(
            f"--address: none given; allowed: that of a {kind} cluster, such as tcp://scheduler:8786"
        )
    place = urlsplit(address if "://" in address else f"//{address}")
    if place.hostname not in LOOPBACK:
        check_servers(tracking_uri)
        check_artifacts(MlflowClient(tracking_uri), experiment)
    try:
        socket.create_connection((place.hostname or "", place.port or 0), timeout=CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"--address: {address} given, where no {kind} cluster answers ({error}); allowed: that of one that runs"
        ) from None


def check_servers(tracking_uri: str) -> None:
    """Raise a ConfigurationError if MLflow or Prefect is where only this machine can reach it."""
    for name, server in (("PREFECT_API_URL", os.environ.get("PREFECT_API_URL", "")), ("--tracking-uri", tracking_uri)):
        if urlsplit(server).hostname in (None, *LOOPBACK) or not server.startswith("http"):
            raise ConfigurationError(
                f"{name}: {server or 'none'} given for a cluster on other machines; allowed: a server that they can "
                "reach too, such as those of `mlp up --host`"
            )


def check_artifacts(client: MlflowClient, experiment: str) -> None:
    """Raise a ConfigurationError if an experiment keeps its artifacts where only one machine can write."""
    found = client.get_experiment_by_name(experiment)
    if found and urlsplit(found.artifact_location).scheme in ("", "file"):
        raise ConfigurationError(
            f"name: {experiment!r} given, whose artifacts lie in a folder of one machine; allowed on a cluster: an "
            "experiment that was begun with the service, or a new one (--set name=…)"
        )
