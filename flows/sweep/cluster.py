"""A running Dask or Ray cluster on which stacks train, and whether its machines can bring the results home."""

import os
import socket
from typing import Any
from urllib.parse import urlsplit

from mlflow import MlflowClient

from flows.errors import ConfigurationError
from flows.platform.proxies import LOOPBACK
from flows.store.experiments import find_experiment

CONNECT_SECONDS = 5.0


def cluster(kind: str, address: str | None) -> Any:
    """Prefect's task runner for a cluster.

    Raises
    ------
    ConfigurationError
        If Prefect's integration of the cluster is not installed.
    """
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
    url = urlsplit(address if "://" in address else f"//{address}")
    if url.hostname not in LOOPBACK:
        check_servers(tracking_uri)
        check_artifacts(MlflowClient(tracking_uri), experiment)
    try:
        socket.create_connection((url.hostname or "", url.port or 0), timeout=CONNECT_SECONDS).close()
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
    found = find_experiment(client, experiment)
    if found and urlsplit(found.artifact_location).scheme in ("", "file"):
        raise ConfigurationError(
            f"name: {experiment!r} given, whose artifacts are in a folder of one machine; allowed on a cluster: an "
            "experiment that was created with the service, or a new one (--set name=…)"
        )
