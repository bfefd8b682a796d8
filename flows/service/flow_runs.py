"""Flow runs whose process died with an earlier service."""

from pathlib import Path

import psutil
from prefect.client.schemas.filters import FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Crashed

from flows.platform.prefect_internals import process_of
from flows.service.schedules import deployments, prefect_client, runs_of

BEGUN = FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
DIED = "its process died with an earlier service; the next run trains what is missing"


def crash_dead_runs() -> None:
    """Mark the flow runs of this folder whose process has died as crashed.

    Prefect would wait for them for ever: a deployment runs one sweep at a time, and the server forgets in a restart
    how long a run that has begun may hold that place.
    """
    # Other folders may have a worker of their own at the same server.
    ours = [found.id for found in deployments() if (found.job_variables or {}).get("working_dir") == str(Path.cwd())]
    with prefect_client() as client:
        for run in runs_of(ours, BEGUN):
            if not is_alive(run):
                client.set_flow_run_state(run.id, Crashed(message=DIED), force=True)


def is_alive(run: FlowRun) -> bool:
    """Whether the process of a flow run is alive on this machine."""
    number = process_of(run)
    try:
        # A process without "prefect" in its command is another program, which got the number.
        return number > 0 and "prefect" in " ".join(psutil.Process(number).cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
