"""The flow of a sweep at the prompt: run and shown, and told in one line where it does not end well."""

import logging
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from httpx import HTTPError
from prefect.exceptions import CancelledRun, FailedRun
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from rich.console import Console
from rich.markup import escape

from flows.store.failures import shortened
from flows.sweep.cluster import cluster
from flows.sweep.display import showing
from flows.sweep.flow import sweep
from flows.sweep.interrupts import stop_on_interrupt
from flows.sweep.options import SweepOptions
from flows.sweep.progress import Prepared, Progress, preparing
from flows.sweep.status import Outcome, SweepStatus


def without_heartbeats() -> AbstractContextManager[object]:
    """Have Prefect send no heartbeats: its flow would wait for their thread up to a second, and nobody reads them."""
    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})


def run_flow(status: SweepStatus, options: SweepOptions, console: Console, *, own_server: bool) -> Outcome | int:
    """Run the flow, and show its progress; where it does not end well, print why and return the exit code, not 0."""
    # What Prefect logs with a traceback is reported in one line here, and errors of tasks as those of the flow.
    logging.getLogger("prefect.flow_runs").addFilter(
        lambda record: not (record.exc_info and isinstance(record.exc_info[1], HTTPError))
    )
    logging.getLogger("prefect.task_runs").addFilter(lambda record: record.levelno < logging.ERROR)
    where = {} if options.runner == "processes" else {"task_runner": cluster(options.runner, options.address)}
    parameters = (status.experiment, options.force, options.workers, options.memory)
    progress = Progress()
    with (
        without_heartbeats() if own_server else nullcontext(),
        preparing(Prepared(progress, status, options.uri)),
        stop_on_interrupt(progress),
    ):
        try:
            with showing(progress, console):
                outcome: Any = sweep.with_options(**where)(*parameters)
                return outcome
        except CancelledRun as stopped:
            console.print(f"[yellow]{stopped}[/]; run the same command again to train the others.")
            return 130
        except FailedRun as failed:
            console.print(f"[red]mlp:[/] {escape(str(failed))}", soft_wrap=True)
            return 1
        except KeyboardInterrupt:
            console.print("[yellow]stopped at once[/]; run the same command again to train what is missing.")
            return 130
        except HTTPError as error:
            reason = f"Prefect's server failed ({escape(shortened(error))}), its log says why"
            console.print(f"[red]mlp:[/] {reason}; finished cells are safe", soft_wrap=True)
            return 1
