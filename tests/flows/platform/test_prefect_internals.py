"""The canaries: each test fails if a new release of Prefect has changed something that this project builds on."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import MagicMock
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.logging import loggers
from prefect.schedules import Cron
from prefect.server.api import server
from prefect.settings import (
    PREFECT_API_BLOCKS_REGISTER_ON_START,
    PREFECT_API_DATABASE_CONNECTION_URL,
    PREFECT_API_DATABASE_MIGRATE_ON_START,
    PREFECT_HOME,
    Settings,
    temporary_settings,
)
from prefect.workers import process

from flows.platform.prefect_internals import (
    FOR_ONE_SWEEP,
    HOST,
    closed_template,
    database_file,
    next_times,
    process_of,
)

ADDRESS = "PREFECT_API_DATABASE_CONNECTION_URL"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"PREFECT_HOME": "home"}, Path("home/prefect.db")),
        ({"PREFECT_HOME": "home", ADDRESS: "sqlite+aiosqlite:////store/prefect-1.db"}, Path("/store/prefect-1.db")),
        ({"PREFECT_HOME": "home", ADDRESS: "sqlite+aiosqlite:///:memory:"}, None),
        ({ADDRESS: "postgresql+asyncpg://user@host/name"}, None),
    ],
)
def test_the_database_is_that_of_the_variables(variables, expected):
    assert database_file(variables) == expected


def test_prefect_takes_the_same_file_of_its_home_as_its_database(tmp_path):
    with temporary_settings({PREFECT_HOME: tmp_path}, restore_defaults={PREFECT_API_DATABASE_CONNECTION_URL}):
        address = PREFECT_API_DATABASE_CONNECTION_URL.value()
    assert address == f"sqlite+aiosqlite:///{database_file({'PREFECT_HOME': str(tmp_path)})}", (
        "Prefect's database in its home has another name now"
    )


def test_a_server_for_one_sweep_has_no_pages_no_blocks_and_no_scheduler(monkeypatch):
    for name, value in FOR_ONE_SWEEP.items():
        monkeypatch.setenv(name, value)
    with temporary_settings():
        settings = Settings()
    assert not settings.server.ui.enabled, "another setting turns the pages of Prefect's server off now"
    assert not settings.server.register_blocks_on_start, "another setting keeps blocks from being registered now"
    # The lifespan of the application starts the services.
    started = []
    for services in (server.Service, server.RunInEphemeralServers):
        monkeypatch.setattr(services, "running", lambda services=services: noted(started, services))
    quick = {PREFECT_API_DATABASE_MIGRATE_ON_START: False, PREFECT_API_BLOCKS_REGISTER_ON_START: False}

    async def live() -> None:
        app = server.create_app(settings.model_copy(), ignore_cache=True)
        async with app.router.lifespan_context(app):
            pass

    with temporary_settings(quick):
        asyncio.run(live())
    assert started == [server.RunInEphemeralServers], "another variable keeps Prefect's scheduler from running now"


@asynccontextmanager
async def noted(started: list, services: type) -> AsyncIterator[None]:
    started.append(services)
    yield


def test_the_guard_knows_the_address_by_a_setting_of_prefect(monkeypatch):
    monkeypatch.setenv(HOST, "10.0.0.7")
    assert Settings().server.api.host == "10.0.0.7", "another setting names the address of Prefect's server now"


def job_of(template: dict, given: dict) -> process.ProcessJobConfiguration:
    """What a worker runs for a caller who gives some values."""
    return asyncio.run(process.ProcessJobConfiguration.from_template_and_values(template, given, client=MagicMock()))


@pytest.mark.parametrize(
    "given",
    [
        {"command": "touch stolen", "env": {"PATH": "/elsewhere"}, "working_dir": "/elsewhere", "name": "x"},
        {"env.PATH": "/elsewhere", "working_dir.": "/elsewhere", "labels": {"a": "b"}, "stream_output": False},
    ],
)
def test_a_closed_pool_ignores_what_a_caller_gives(tmp_path, given):
    template = closed_template(tmp_path)
    message = "a work pool takes values from a caller now for which its template has no variable"
    assert job_of(template, given) == job_of(template, {}), message
    assert job_of(template, given).working_dir == tmp_path


def test_a_closed_pool_runs_the_command_of_prefect_itself(tmp_path):
    job = job_of(closed_template(tmp_path), {})
    job.prepare_for_flow_run(FlowRun.model_construct(id=uuid4(), name="a", labels={}))
    assert job.command.split()[1:] == ["-m", "prefect.engine"], "a pool without a command starts another program now"


def test_the_next_times_are_computed_by_prefects_server():
    (time,) = next_times(Cron("0 3 1 1 *", timezone="UTC"), 1)
    expected = datetime(datetime.now(UTC).year + 1, 1, 1, 3, tzinfo=UTC)
    assert time == expected, "the schedules of Prefect's server compute their dates otherwise now"


@pytest.mark.parametrize(("identifier", "number"), [("12", 12), (None, 0), ("", 0), ("a-container", 0)])
def test_the_process_of_a_flow_run_is_its_identifier(identifier, number):
    assert process_of(FlowRun.model_construct(infrastructure_pid=identifier)) == number


def test_a_process_worker_writes_the_number_of_the_process_as_the_identifier():
    source = inspect.getsource(process.ProcessWorker.run)
    assert "identifier=str(execution.handle.pid)" in source, "Prefect's worker names the process of a run otherwise now"


def test_flow_and_task_runs_log_under_the_names_that_a_sweep_filters():
    message = "Prefect's loggers of runs have other names now"
    assert loggers.flow_run_logger(FlowRun.model_construct(id=uuid4(), name="a")).logger.name == "prefect.flow_runs", (
        message
    )
    run = TaskRun.model_construct(id=uuid4(), name="a", flow_run_id=uuid4())
    assert loggers.task_run_logger(run, flow_run=None).logger.name == "prefect.task_runs", message
