"""A cluster is sent no work whose results its machines could not bring home."""

import socket

import pytest

from flows.errors import ConfigurationError
from flows.sweep.cluster import check_artifacts, check_cluster

SERVER = "http://tracker.example:5000"


@pytest.mark.parametrize(
    ("address", "prefect", "mlflow", "named"),
    [
        (None, "http://prefect.example:4200/api", SERVER, "--address: none given"),
        ("tcp://scheduler.example:8786", "http://127.0.0.1:4200/api", SERVER, "PREFECT_API_URL"),
        ("tcp://scheduler.example:8786", "http://prefect.example:4200/api", "http://localhost:5000", "--tracking-uri"),
        ("tcp://scheduler.example:8786", "http://prefect.example:4200/api", "sqlite:////tmp/a.db", "--tracking-uri"),
    ],
)
def test_what_other_machines_cannot_reach_is_refused_by_its_name(monkeypatch, address, prefect, mlflow, named):
    monkeypatch.setenv("PREFECT_API_URL", prefect)
    with pytest.raises(ConfigurationError, match=named):
        check_cluster("dask", address, mlflow, "shuffle")


@pytest.mark.parametrize("form", ["tcp://127.0.0.1:{}", "ray://localhost:{}", "127.0.0.1:{}"])
def test_a_cluster_on_this_machine_reaches_what_this_machine_does(monkeypatch, form):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    with socket.create_server(("127.0.0.1", 0)) as cluster:
        check_cluster("ray", form.format(cluster.getsockname()[1]), "sqlite:///mlruns/mlflow.db", "shuffle")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1", "tcp://127.0.0.1:many"])
def test_an_address_where_no_cluster_answers_is_told(address):
    with pytest.raises(ConfigurationError, match=f"--address: {address} given, where no dask cluster answers"):
        check_cluster("dask", address, "sqlite:///mlruns/mlflow.db", "shuffle")


def test_a_folder_of_one_machine_is_no_place_for_the_artifacts_of_a_cluster(store):
    store.client.create_experiment("local", artifact_location=str(store.folder))
    store.client.create_experiment("served", artifact_location="mlflow-artifacts:/served")
    check_artifacts(store.client, "served")
    check_artifacts(store.client, "not yet begun")
    with pytest.raises(ConfigurationError, match=r"name: 'local' given.*allowed on a cluster"):
        check_artifacts(store.client, "local")
