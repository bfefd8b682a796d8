"""Prefect's server keeps schedules of this project's flow until they are removed."""

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists
from prefect.flows import load_flow_from_entrypoint
from prefect.workers.process import ProcessWorker

from flows.cli.main import main
from flows.errors import ConfigurationError
from flows.plan.configuration import load_experiment
from flows.plan.experiment import Experiment
from flows.platform.prefect_internals import closed_template
from flows.service.deployments import deploy, register_form
from flows.service.schedules import FORM, deployments, next_run, parse_schedule, timing, unschedule


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, server):
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for deployment in deployments():
        with get_client(sync_client=True) as client:
            client.delete_deployment(deployment.id)


def mlp(monkeypatch, *arguments: str) -> int:
    """Exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["mlp", *arguments])
    with patch.dict(os.environ), pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_prefect_loads_the_flow_from_the_entrypoint_that_existing_deployments_use():
    deploy("nightly", load_experiment("demo"), None, False, "")
    (deployment,) = deployments()
    assert deployment.entrypoint == "flows.sweep.sweep"
    assert load_flow_from_entrypoint(deployment.entrypoint).name == "sweep"


def test_a_deployment_runs_the_experiment_in_this_folder_one_sweep_at_a_time(folder):
    experiment = load_experiment("demo")
    deploy("nightly", experiment, None, True, "every night")
    (deployment,) = deployments()
    assert Experiment.model_validate(deployment.parameters["experiment"]) == experiment
    assert deployment.parameters["force"] is True
    assert deployment.description == "every night"
    assert deployment.job_variables["working_dir"] == str(folder)
    assert deployment.work_pool_name == "mlp"
    assert deployment.global_concurrency_limit.limit == 1
    assert deployment.concurrency_options.collision_strategy.value == "ENQUEUE"


def test_the_form_closes_a_pool_of_an_older_version_which_took_commands():
    with get_client(sync_client=True) as client:
        with suppress(ObjectAlreadyExists):
            client.create_work_pool(WorkPoolCreate(name="mlp", type="process"))
        open_template = ProcessWorker.get_default_base_job_template()
        client.update_work_pool("mlp", WorkPoolUpdate(base_job_template=open_template))
        register_form()
        assert client.read_work_pool("mlp").base_job_template == closed_template(Path.cwd())


def test_scheduling_a_name_again_replaces_its_schedule_and_unscheduling_removes_it():
    for cron in ("0 3 * * *", "30 4 * * *"):
        deploy("nightly", load_experiment("demo"), parse_schedule(cron, None, "Europe/Berlin"), False, "")
    deploy("often", load_experiment("demo"), parse_schedule(None, "6h", "UTC"), False, "")
    assert {deployment.name: timing(deployment) for deployment in deployments()} == {
        "nightly": "cron 30 4 * * * (Europe/Berlin)",
        "often": "every 6:00:00",
    }
    unschedule("nightly")
    assert [deployment.name for deployment in deployments()] == ["often"]
    with pytest.raises(ConfigurationError, match="name: 'nightly' given; allowed: often"):
        unschedule("nightly")


def test_the_next_run_is_the_earliest_one_that_prefect_has_planned():
    deploy("often", load_experiment("demo"), parse_schedule(None, "30m", "UTC"), False, "")
    (deployment,) = deployments()
    with get_client(sync_client=True) as client:
        later, sooner = (
            client.create_flow_run_from_deployment(deployment.id, state=scheduled(hours)) for hours in (2000, -1)
        )
    assert later.expected_start_time > sooner.expected_start_time == next_run(deployment.id)


def scheduled(hours: int):
    from prefect.states import Scheduled

    return Scheduled(scheduled_time=datetime.fromtimestamp(datetime.now(UTC).timestamp() + 3600 * hours, UTC))


def test_the_form_offers_the_demo_and_is_not_a_schedule():
    register_form()
    (form,) = deployments()
    assert form.name == FORM
    assert timing(form) == ""
    assert form.parameters["experiment"]["name"] == "demo"
    assert "Experiment" in form.parameter_openapi_schema["definitions"]
    with pytest.raises(ConfigurationError, match="nothing is scheduled"):
        unschedule(FORM)


def test_sweeps_are_scheduled_listed_and_unscheduled_at_the_command_line(monkeypatch, capsys):
    options = ("--data", "digits", "--cron", "0 3 * * *", "--timezone", "Asia/Kolkata", "--name", "nightly")
    assert mlp(monkeypatch, "schedule", "demo", *options) == 0
    printed = capsys.readouterr().out
    assert printed.count("03:00 IST") == 3
    assert mlp(monkeypatch, "schedules") == 0
    assert "cron 0 3 * * * (Asia/Kolkata)" in capsys.readouterr().out
    assert mlp(monkeypatch, "unschedule", "nightly") == 0
    assert mlp(monkeypatch, "schedules") == 0
    assert "Nothing is scheduled" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--every", "1h", "--name", "a/b"), "--name: 'a/b' given"),
        (("--cron", "0 0 3 * * *"), "--cron: '0 0 3 * * *' given; allowed: five fields"),
        (("--cron", "0 0 31 2 *"), "this one never comes"),
        (("--cron", "0 3 * * *", "--timezone", "Berlin"), "--timezone: 'Berlin' given"),
    ],
)
def test_a_schedule_that_prefect_would_misread_or_refuse_gives_one_line(monkeypatch, capsys, options, message):
    assert mlp(monkeypatch, "schedule", "demo", *options) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert deployments() == []


def test_an_error_says_which_server_refused_a_request_and_why(monkeypatch, server):
    monkeypatch.setenv("PREFECT_API_URL", server)
    failing_request = patch(
        "prefect.client.orchestration.SyncPrefectClient.read_deployments", side_effect=raise_unauthorized
    )
    with (
        failing_request,
        pytest.raises(ConfigurationError, match=rf"^Prefect: {server} failed \(Client error '401 Unauthorized'"),
    ):
        deployments()


def raise_unauthorized(**options):
    import httpx

    response = httpx.Response(401, request=httpx.Request("POST", "http://127.0.0.1/api"))
    response.raise_for_status()
