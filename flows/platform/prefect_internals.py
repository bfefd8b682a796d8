"""Uses of Prefect that its documentation does not promise, each with the public way beside it.

`tests/flows/platform/test_prefect_internals.py` says for each what a new release of Prefect has changed. Importing this
module imports no Prefect, which takes seconds.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.platform.guard import App, guarded, server_names
from flows.platform.paths import sqlite_file
from flows.platform.startup import seldom_collect_garbage

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from prefect.schedules import Schedule

HOST = "PREFECT_SERVER_API_HOST"  # the variable that names the address at which the server listens
# Variables of a server for one sweep: without pages, blocks and background services, which would also plan the
# schedules of `mlp up`: 1.1 s. Public: `prefect server start --no-ui --no-services`.
FOR_ONE_SWEEP = {
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
}


def create_app() -> App:
    """The application of Prefect's server, with a guard against pages of other sites, for uvicorn to run.

    Public: `prefect server start`, which has no such guard and takes a second longer to start.
    """
    seldom_collect_garbage()
    from prefect.server.api import server

    return guarded(server.create_app(), server_names(os.environ[HOST]))


def closed_template(folder: Path) -> dict[str, Any]:
    """Template of a work pool that takes no command, variables or folder from whoever starts a run.

    Public: the template's format; that a process worker ignores values without a variable is not documented. If the
    template had an ``env``, even an empty one, Prefect would add a caller's variables to it.
    """
    job = {"command": None, "stream_output": True, "working_dir": str(folder)}
    return {"job_configuration": job, "variables": {"type": "object", "properties": {}}}


def database_file(environment: Mapping[str, str]) -> Path | None:
    """SQLite file of the server with these variables; None for another kind of database.

    Public: `prefect.settings.PREFECT_API_DATABASE_CONNECTION_URL`, whose import takes a second.
    """
    address, home = environment.get("PREFECT_API_DATABASE_CONNECTION_URL"), environment.get("PREFECT_HOME")
    if not address:
        return Path(home, "prefect.db") if home else None
    return sqlite_file(address) if address.startswith("sqlite") and ":memory:" not in address else None


def next_times(schedule: "Schedule", count: int = 3) -> list[datetime]:
    """Next times of a schedule, in its time zone, as the server computes them; public: none before it is deployed."""
    import asyncio

    from prefect.server.schemas import schedules as server

    timing: server.CronSchedule | server.IntervalSchedule
    if schedule.cron:
        timing = server.CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
    else:
        assert schedule.interval is not None
        timing = server.IntervalSchedule(
            interval=schedule.interval, anchor_date=schedule.anchor_date, timezone=schedule.timezone
        )
    return list(asyncio.run(timing.get_dates(count)))


def process_of(run: "FlowRun") -> int:
    """Id of the process that a worker of type *process* started for a flow run; 0 if there is none. Public: none."""
    number = run.infrastructure_pid or ""
    return int(number) if number.isdigit() else 0
