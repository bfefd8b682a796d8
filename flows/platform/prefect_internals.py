"""Uses of Prefect that its documentation does not promise, each with the public way beside it.

`tests/flows/platform/test_prefect_internals.py` says for each what a new release of Prefect has changed. Importing this
module imports no Prefect, which takes seconds.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows.platform.paths import sqlite_file

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from prefect.schedules import Schedule

# The server as uvicorn starts it. Public: `prefect server start`, which takes a second longer.
SERVER_APP = "prefect.server.api.server:create_app"
# Variables of a server for one sweep: without pages, blocks and background services, which would also plan the
# schedules of `mlp up`: 1.1 s. Public: `prefect server start --no-ui --no-services`.
FOR_ONE_SWEEP = {
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
}


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
