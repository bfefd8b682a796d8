"""A sweep at the prompt: start Prefect's server, show the progress, print the comparison.

MLflow and Prefect, whose imports take seconds, are imported while Prefect's server starts.
"""

from rich.console import Console

from flows.plan.experiment import Experiment
from flows.platform.servers import start_prefect_server, wait_for_prefect
from flows.platform.temporary import temporary_files_in_store
from flows.store.mlflow_internals import fast_count
from flows.sweep.display import showing
from flows.sweep.interrupts import all_end_signals_interrupt
from flows.sweep.options import SweepOptions
from flows.sweep.progress import Progress


@temporary_files_in_store()
def run_sweep(experiment: Experiment, options: SweepOptions, console: Console) -> int:
    """Run a sweep and print its comparison.

    Returns
    -------
    int
        Exit code: 0, 1 if the sweep or a cell failed, 130 if it was interrupted.

    Raises
    ------
    ConfigurationError
        If the store or the data set is not available; nothing has been written to MLflow then.
    """
    # Where all cells seem to be done, nothing is started before that turns out to be wrong.
    looks_done = not options.force and fast_count(options.uri, experiment.name) >= len(experiment.cells())
    with all_end_signals_interrupt():
        try:
            progress = Progress()
            progress.prepare("Starting Prefect's server, opening the store, loading the data")
            with showing(progress, console):
                # It takes seconds to start; meanwhile this process finds the missing cells, and imports the flow.
                server = None if looks_done else start_prefect_server()
                from flows.sweep.mlflow_at_prompt import announce, conclude, open_and_look_up

                status = open_and_look_up(experiment, options, console)
                if not status.outcome:
                    server = server or start_prefect_server()
                    from flows.sweep.cluster import check_cluster
                    from flows.sweep.flow_at_prompt import run_flow

                    if options.runner != "processes":
                        check_cluster(options.runner, options.address, options.uri, experiment.name)
                    wait_for_prefect(server, progress.prepare)
                    announce(experiment, options, console)
        except KeyboardInterrupt:
            console.print("[yellow]stopped[/]; nothing was trained.")
            return 130
        ended = status.outcome or run_flow(status, options, console, own_server=server is not None)
        return ended if isinstance(ended, int) else conclude(experiment, ended, options, console)
