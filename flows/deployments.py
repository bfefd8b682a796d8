"""Sweeps that Prefect starts: on a schedule, or from the form on its pages."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron, Interval, Schedule
from prefect.types.entrypoint import EntrypointType

from flows.configuration import load_experiment
from flows.errors import ConfigurationError
from flows.experiment import Experiment
from flows.sweep import sweep

POOL = "mlp"
FORM = "form"  # the deployment that is run by hand
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def register_form() -> None:
    """Have Prefect's pages offer a sweep as a form, filled in with the demo."""
    deploy(FORM, load_experiment("demo"), None, False, "Any experiment: choose Custom run and fill in the form.")


def schedule(experiment: Experiment, name: str, cron: str | None, every: str | None, force: bool) -> None:
    """Have Prefect run a sweep again and again; a schedule of the same name is replaced."""
    if name == FORM:
        raise ConfigurationError(f"--name: {FORM!r} given; allowed: another, this one is the form's")
    when = parse_schedule(cron, every)
    need_server()
    deploy(name, experiment, when, force, experiment.description)


def parse_schedule(cron: str | None, every: str | None) -> Schedule:
    """A cron line (in UTC), or ``30m``, ``6h``, ``1d``: exactly one of them."""
    if bool(cron) == bool(every):
        raise ConfigurationError("--cron, --every: both or none given; allowed: one of them")
    if every:
        if not (match := re.fullmatch(r"([1-9]\d{0,4})([mhd])", every)):
            raise ConfigurationError(
                f"--every: {every!r} given; allowed: minutes, hours or days, such as 30m, 6h or 1d"
            )
        return Interval(timedelta(**{UNITS[match[2]]: int(match[1])}))
    try:
        return Cron(cron or "", timezone="UTC")
    except ValueError:
        raise ConfigurationError(f"--cron: {cron!r} given; allowed: five fields, such as '0 3 * * *'") from None


def deploy(name: str, experiment: Experiment, when: Schedule | None, force: bool, description: str) -> None:
    """Write a deployment: one sweep at a time, later ones queue."""
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    # Typed as if it might be awaited; called from here it is not.
    deployment: Any = sweep.to_deployment(
        name,
        schedule=when,
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
        parameters={"experiment": experiment.model_dump(mode="json"), "force": force},
        description=description,
        work_pool_name=POOL,
        # The store is the folder `mlruns` of the folder that this command is run in.
        job_variables={"working_dir": str(Path.cwd())},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    deployment.apply()


def deployments() -> list[DeploymentResponse]:
    """All deployments of the sweep."""
    with get_client(sync_client=True) as client:
        return sorted(client.read_deployments(), key=lambda deployment: deployment.name)


def timing(deployment: DeploymentResponse) -> str:
    """When a deployment runs, in the words of `mlp schedule`; empty if by hand only."""
    times: list[Any] = [entry.schedule for entry in deployment.schedules]
    words = [f"cron {time.cron}" if isinstance(time, CronSchedule) else f"every {time.interval}" for time in times]
    return ", ".join(words) + (" (paused)" if deployment.paused else "")


def unschedule(name: str) -> None:
    """Remove a schedule; a sweep that it started runs on."""
    known = {deployment.name: deployment.id for deployment in deployments() if deployment.name != FORM}
    if name not in known:
        raise ConfigurationError(
            f"name: {name!r} given; allowed: {', '.join(known) or 'none, for nothing is scheduled'}"
        )
    with get_client(sync_client=True) as client:
        client.delete_deployment(known[name])


def next_runs() -> dict[Any, Any]:
    """Start of the next scheduled run, by the deployment's id."""
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    scheduled = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=scheduled, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=200)
    return {run.deployment_id: run.expected_start_time for run in runs}


def need_server() -> None:
    """Raise a ConfigurationError if there is no Prefect server that outlives this command."""
    if not os.environ.get("PREFECT_API_URL"):
        raise ConfigurationError("Prefect: no server; start `mlp up` in this folder, or set PREFECT_API_URL to one")
