"""The status of an experiment: which of its cells are done, and the outcome if all of them are."""

from dataclasses import dataclass

from mlflow import MlflowClient

from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.plan.preparation import keyed_cells
from flows.store import outbox
from flows.store.artifacts import not_done
from flows.store.experiments import find_champion, find_experiment, open_experiment
from flows.store.runs import now
from flows.store.sweeps import latest_sweep, mend_plan
from flows.sweep.ownership import interrupted, latest_sweep_of, living_sweeps


@dataclass(frozen=True)
class Outcome:
    """The result of a sweep.

    Attributes
    ----------
    run_id : str or None
        The parent run; if every cell was done before, that of the latest sweep of these cells, or None.
    counts : dict
        Number of cells by status; ``done`` are those that this sweep did not have to train.
    keys : list of str
        The keys of all cells, in the order of the grid.
    """

    run_id: str | None
    counts: dict[str, int]
    keys: list[str]


@dataclass(frozen=True)
class SweepStatus:
    """Status of an experiment.

    Attributes
    ----------
    cells : dict
        All of its cells, by key.
    missing : dict
        The cells that are to be trained.
    planned : int
        When this was looked up, in milliseconds since 1970.
    outcome : Outcome or None
        If there is nothing to train and nothing to compare.
    """

    experiment: Experiment
    cells: dict[str, Cell]
    missing: dict[str, Cell]
    planned: int
    outcome: Outcome | None = None

    @property
    def done(self) -> int:
        """Number of cells that need not be trained."""
        return len(self.cells) - len(self.missing)


def look_up(client: MlflowClient, experiment: Experiment, *, force: bool) -> SweepStatus:
    """Load the data, and find the missing cells, after what earlier sweeps left behind is delivered or closed.

    In MLflow nothing is made for an experiment that it does not know.
    """
    cells, planned = keyed_cells(experiment), now()
    if not find_experiment(client, experiment.name):
        return SweepStatus(experiment, cells, cells, planned)
    experiment_id = open_experiment(client, experiment)
    outbox.deliver_waiting(client, client.tracking_uri)
    living_sweeps(client, experiment_id)  # closes the runs that dead processes left open
    planned = now()
    missing = cells if force else not_done(client, experiment_id, cells)
    latest = latest_sweep_of(client, experiment_id, cells)
    # Somebody may have deleted the sweep that trained them.
    compared = latest or latest_sweep(client, experiment_id)[0]
    if missing or compared is None or (latest and interrupted(latest)):
        return SweepStatus(experiment, cells, missing, planned)
    if latest:
        mend_plan(client, latest, experiment, cells)
    if latest and find_champion(client, experiment.name) is None:
        # Imported only here: it takes seconds, and the champion is hardly ever gone.
        from flows.report.summary import register_best

        register_best(client, experiment_id, latest.info.run_id, experiment.name, cells)
    outcome = Outcome(latest.info.run_id if latest else None, {"done": len(cells)}, list(cells))
    return SweepStatus(experiment, cells, missing, planned, outcome)
