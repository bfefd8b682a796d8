"""Schedules in Prefect: when they run, which there are, and how one is removed. Needs no flow."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.schedules import Cron, Interval, Schedule

from flows.errors import ConfigurationError
from flows.platform.health import health_problem, without_login
from flows.platform.prefect_internals import next_times

ENTRYPOINT = "flows.sweep.sweep"  # of the flow, in every deployment: it outlives changes of the code's layout
FORM = "form"  # the deployment that is run by hand
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def check_name(name: str) -> None:
    """Raise a ConfigurationError if a schedule can't have this name."""
    if not re.fullmatch(r"[\w.-]([\w .-]{0,62}[\w.-])?", name):
        raise ConfigurationError(f"--name: {name!r} given; allowed: up to 64 letters, digits, spaces, and . _ -")
    if name == FORM:
        raise ConfigurationError(f"--name: {FORM!r} given, which is the form's; allowed: another name")


def parse_schedule(cron: str | None, every: str | None, timezone: str) -> Schedule:
    """A schedule from a cron line of five fields, or from an interval such as ``30m``, ``6h`` or ``1d``.

    Raises
    ------
    ConfigurationError
        If not exactly one of them is given, if it is malformed, or if it never comes true.
    """
    if bool(cron) == bool(every):
        raise ConfigurationError("--cron, --every: both or none given; allowed: one of them")
    if timezone not in available_timezones():
        raise ConfigurationError(f"--timezone: {timezone!r} given; allowed: a name such as UTC or Europe/Berlin")
    if every:
        if not (match := re.fullmatch(r"([1-9]\d{0,4})([mhd])", every)):
            raise ConfigurationError(
                f"--every: {every!r} given; allowed: minutes, hours or days, such as 30m, 6h or 1d"
            )
        return Interval(timedelta(**{UNITS[match[2]]: int(match[1])}), timezone=timezone)
    wrong = f"--cron: {cron!r} given; allowed: "
    fields = (cron or "").split()
    try:
        if len(fields) != 5:
            raise ValueError("Prefect takes a sixth field for seconds")
        schedule = Cron(" ".join(fields), timezone=timezone)
    except ValueError:
        raise ConfigurationError(
            f"{wrong}five fields (minute, hour, day, month, weekday), such as '0 3 * * *'"
        ) from None
    try:
        next_times(schedule, 1)
    except ValueError:
        raise ConfigurationError(f"{wrong}a date that exists; this one never comes") from None
    return schedule


def need_server() -> str:
    """The address of the Prefect server that outlives this command.

    Raises
    ------
    ConfigurationError
        If there is none, or if it does not answer.
    """
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        raise ConfigurationError("Prefect: no server; start `mlp up` in this folder, or set PREFECT_API_URL")
    if problem := health_problem(address):
        raise ConfigurationError(f"Prefect: no answer from {without_login(address)} ({problem}); is `mlp up` running?")
    return address


@contextmanager
def prefect_client() -> Iterator[SyncPrefectClient]:
    """A client of that server; if the server fails or refuses a request, a ConfigurationError says so."""
    address = need_server()
    try:
        with get_client(sync_client=True) as client:
            yield client
    except httpx.HTTPError as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ConfigurationError(f"Prefect: {without_login(address)} failed ({reason})") from None


def every_page(read: Callable[[int], list[Any]]) -> list[Any]:
    """Everything that Prefect lists, which gives 200 at once; `read` takes the number of those before a page."""
    listed: list[Any] = []
    while page := read(len(listed)):
        listed += page
    return listed


def deployments() -> list[DeploymentResponse]:
    """All deployments of the sweep, by name."""
    with prefect_client() as client:
        everyone = every_page(lambda offset: client.read_deployments(offset=offset))
    return sorted((one for one in everyone if one.entrypoint == ENTRYPOINT), key=lambda deployment: deployment.name)


def timing(deployment: DeploymentResponse) -> str:
    """Schedule of a deployment, in the terms of `mlp schedule`; empty if by hand only."""
    terms = []
    for entry in deployment.schedules:
        match entry.schedule:
            case CronSchedule(cron=cron, timezone=timezone):
                terms.append(f"cron {cron} ({timezone or 'UTC'})")
            case IntervalSchedule(interval=interval):
                terms.append(f"every {interval}")
            case other:
                terms.append(str(other))
    return ", ".join(terms) + (" (paused)" if deployment.paused else "")


def next_run(deployment_id: UUID) -> datetime | None:
    """Start of a deployment's next scheduled run."""
    scheduled = FlowRunFilterStateType(any_=[StateType.SCHEDULED])
    runs = runs_of([deployment_id], scheduled, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=1)
    return runs[0].expected_start_time if runs else None


def runs_of(deployment_ids: list[UUID], states: FlowRunFilterStateType, **more: Any) -> list[FlowRun]:
    """The flow runs of some deployments that are in some states; for other parameters see `read_flow_runs`."""
    with prefect_client() as client:
        return client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=states)),
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=deployment_ids)),
            **more,
        )


def unschedule(name: str) -> None:
    """Remove a schedule; a sweep that it has started goes on.

    Raises
    ------
    ConfigurationError
        If there is no such schedule, or Prefect fails.
    """
    ids = {deployment.name: deployment.id for deployment in deployments() if deployment.name != FORM}
    if name not in ids:
        raise ConfigurationError(f"name: {name!r} given; allowed: {', '.join(ids) or 'none: nothing is scheduled'}")
    with prefect_client() as client:
        client.delete_deployment(ids[name])
