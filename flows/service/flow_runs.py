"""Flow runs whose process died, with an earlier service or with the worker of this one."""

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from prefect.client.schemas.filters import FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled, Crashed

from flows.errors import ConfigurationError
from flows.platform.prefect_internals import process_of
from flows.service.schedules import deployments, every_page, prefect_client, runs_of

BEGUN = FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
DIED = "its process died; the next run trains what is missing"
CHECK_SECONDS = 5.0
START_SECONDS = 8.0  # from a run's new state to the number of its process


def end_dead_runs(patience: float = 0.0) -> None:
    """Mark the flow runs of this folder whose process has died as crashed, or as cancelled if they were to be.

    Prefect would wait for them, after a restart for ever: a deployment runs one sweep at a time.

    Parameters
    ----------
    patience : float
        Seconds that a run has to be in its state, while there is a worker that may be about to start its process.
    """
    latest = datetime.now(UTC) - timedelta(seconds=patience)
    # Other folders may have a worker of their own at the same server.
    ours = [found.id for found in deployments() if (found.job_variables or {}).get("working_dir") == str(Path.cwd())]
    with prefect_client() as client:
        for run in every_page(lambda offset: runs_of(ours, BEGUN, offset=offset)):
            if run.state and run.state.timestamp <= latest and not is_alive(run):
                ended = Cancelled if run.state.type == StateType.CANCELLING else Crashed
                client.set_flow_run_state(run.id, ended(message=DIED), force=True)


def keep_ending_dead_runs() -> None:
    """Look for dead runs now and, in a thread of its own, until this process ends."""
    end_dead_runs()

    def watch() -> None:
        while True:
            time.sleep(CHECK_SECONDS)
            with suppress(ConfigurationError):  # Prefect's server may be starting again
                end_dead_runs(START_SECONDS)

    threading.Thread(target=watch, name="dead runs", daemon=True).start()


def is_alive(run: FlowRun) -> bool:
    """Return whether the process of a flow run is alive on this machine."""
    number = process_of(run)
    try:
        # A process without "prefect" in its command is another program, which got the number.
        return number > 0 and "prefect" in " ".join(psutil.Process(number).cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
