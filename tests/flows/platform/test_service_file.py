"""The commands find the service that serves their store while it is running."""

import json
import os
import socket
import sys

import pytest

from flows.platform.service_file import publish_service, running_service, service_file, use_running_service

ENVIRONMENT = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000", "PREFECT_API_URL": "http://127.0.0.1:4200/api"}


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlruns").mkdir()
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_a_store_without_a_service_file_is_not_served():
    assert running_service() is None
    use_running_service()
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_the_commands_use_the_addresses_a_service_publishes_unless_the_user_set_others(monkeypatch):
    publish_service(ENVIRONMENT)
    service = running_service()
    assert service is not None
    assert (service.process, service.mlflow, service.environment) == (os.getpid(), "http://127.0.0.1:5000", ENVIRONMENT)
    monkeypatch.setenv("PREFECT_API_URL", "http://mine:4200/api")
    use_running_service()
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"
    assert os.environ["PREFECT_API_URL"] == "http://mine:4200/api"


def test_a_killed_service_does_not_count_as_running():
    owner = f"{socket.gethostname()} 999999 1.00"
    service_file().write_text(json.dumps({"owner": owner, "environment": ENVIRONMENT}))
    assert running_service() is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_only_the_owner_can_read_the_service_file():
    publish_service(ENVIRONMENT)
    assert service_file().stat().st_mode & 0o777 == 0o600
