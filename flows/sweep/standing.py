"""How far an experiment has come: which of its cells are done, and what comes out if all of them are."""

from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Run

from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.store import outbox
from flows.store.artifacts import not_done
from flows.store.champion import find_champion
from flows.store.experiments import open_experiment
from flows.store.runs import now
from flows.sweep.ownership import interrupted, latest_sweep_of, living_sweeps


@dataclass(frozen=True)
class SweepStatus:
    """How far an experiment has come.

    Attributes
    ----------
    planned : int
        When this was looked up, in milliseconds since 1970.
    missing : dict
        The cells that are to be trained, by key.
    latest : Run or None
        The latest sweep of exactly these cells.
    """

    experiment_id: str
    planned: int
    missing: dict[str, Cell]
    latest: Run | None

    @property
    def complete(self) -> bool:
        """Whether there is nothing to train and nothing to compare."""
        return not self.missing and not (self.latest and interrupted(self.latest))


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


def look_up(client: MlflowClient, uri: str, experiment: Experiment, cells: dict[str, Cell], force: bool) -> SweepStatus:
    """Find the missing cells, after what earlier sweeps left behind is delivered or closed."""
    experiment_id = open_experiment(client, experiment)
    outbox.deliver_waiting(client, uri)
    living_sweeps(client, experiment_id)  # closes the runs that dead processes left open
    planned = now()
    missing = cells if force else not_done(client, experiment_id, cells)
    return SweepStatus(experiment_id, planned, missing, latest_sweep_of(client, experiment_id, cells))


def outcome_of_complete(
    client: MlflowClient, standing: SweepStatus, experiment: Experiment, cells: dict[str, Cell]
) -> Outcome:
    """The outcome where nothing is to be trained; the champion is registered again if it is gone."""
    if standing.latest and find_champion(client, experiment.name) is None:
        # Imported only here: it takes seconds, and the champion is hardly ever gone.
        from flows.report.summary import restore_champion

        restore_champion(client, standing.latest, experiment.name, cells)
    return Outcome(standing.latest.info.run_id if standing.latest else None, {"done": len(cells)}, list(cells))
