"""MLflow at the prompt: what is asked of it, and printed, before a sweep trains and after it."""

import warnings
from contextlib import suppress

from rich.console import Console

from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.plan.preparation import clean_data
from flows.report.charts import print_charts
from flows.report.result import print_result
from flows.store.connection import connect, open_store
from flows.store.experiments import open_experiment
from flows.store.failures import STORE_ERRORS
from flows.sweep.options import SweepOptions
from flows.sweep.status import Outcome, SweepStatus, look_up
from mlp.data.sets import DataFallback, DataUnavailable


def open_and_look_up(experiment: Experiment, options: SweepOptions, console: Console) -> SweepStatus:
    """Open the store, load the data and find the missing cells, so that errors are reported before a flow starts.

    Raises
    ------
    ConfigurationError
        If the store can't be opened, or the data can't be had.
    """
    client = open_store(options.uri)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            data = clean_data(experiment.cells()[0])
        except (DataUnavailable, ValueError) as error:
            raise ConfigurationError(f"data: {error}") from None
    for warning in caught:
        console.print(f"[yellow]warning:[/] {warning.message}")
    warnings.simplefilter("ignore", DataFallback)  # reported once is enough
    images = f"{len(data.train_labels):,} images to train on, {len(data.test_labels):,} to test on"
    console.print(f"{data.name}: {images}", highlight=False)
    return look_up(client, experiment, force=options.force)


def announce(experiment: Experiment, options: SweepOptions, console: Console) -> None:
    """Print where the charts of an experiment can be seen while it trains."""
    client = connect(options.uri)
    with suppress(*STORE_ERRORS):  # if the store has failed, the flow says so
        print_charts(client, open_experiment(client, experiment), console)


def conclude(experiment: Experiment, outcome: Outcome, options: SweepOptions, console: Console) -> int:
    """Print the comparison and what to type next, and return the exit code."""
    counts = outcome.counts
    if done := counts.get("done"):
        console.print(f"{done} cells were done before{'; nothing to train' if len(counts) == 1 else ''}.")
    if failed := counts.get("FAILED"):
        console.print(f"[red]{failed} cells failed[/]; their runs in MLflow say why.")
    print_result(connect(options.uri), experiment, outcome.keys, outcome.run_id, console)
    return 1 if failed else 0
