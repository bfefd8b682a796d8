"""A sweep that another store has exported, written into this one.

Imported runs have new ids. Their tag `imported` holds the id of the run that they are a copy of; until a copy is
complete, the word *unfinished* follows, so that the next import goes on with that run.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag

from flows.plan.experiment import Experiment
from flows.store.cell_run import MAX_METRICS
from flows.store.experiments import open_experiment
from flows.store.runs import PARENT, finished_cells, log_datasets, search
from flows.store.transfer import TEXTS, Export, ExportedRun

IMPORTED = "imported"  # tag
UNFINISHED = ", unfinished"


@dataclass(frozen=True)
class Imported:
    """The result of an import.

    Attributes
    ----------
    sweep_id : str
        In this store.
    new, known : int
        The number of cells that were written, and of those that the store had.
    changed : bool
        True if anything was written.
    """

    experiment_id: str
    sweep_id: str
    new: int
    known: int
    changed: bool


def import_sweep(client: MlflowClient, export: Export) -> Imported:
    """Write a sweep into a store, apart from what the store has."""
    manifest, runs = export.manifest, export.runs
    experiment_id = open_experiment(client, Experiment(name=manifest.name, description=manifest.description))
    copies = copies_in(client, experiment_id)
    done = finished_cells(client, experiment_id)
    (sweep,) = [run for run in runs if run.kind == "sweep"]
    whole = is_whole(copies.get(sweep.run_id))
    cells = [run for run in runs if run.kind == "cell"]
    new = [run for run in cells if run.tags["cell"] not in done]
    # A sweep that is complete may have been compared again since: its groups are up to date.
    groups = [] if whole else [run for run in runs if run.kind == "group" and not is_whole(copies.get(run.run_id))]
    ids = {source: run.info.run_id for source, run in copies.items()}
    ids |= {run.run_id: done[run.tags["cell"]] for run in cells if run not in new}
    writer = Writer(client, export, experiment_id, ids)
    writer.begin(sweep)
    for run in runs:  # a cell may have been trained by an earlier sweep, which is not in the export
        for tag in ("sweep", PARENT):
            ids.setdefault(run.tags.get(tag, sweep.run_id), ids[sweep.run_id])
    for run in (*new, *groups):
        writer.begin(run)
        writer.complete(run)
    if not whole:  # last, because its artifacts name the runs of its cells
        writer.complete(sweep)
    changed = bool(new or groups or not whole)
    return Imported(experiment_id, ids[sweep.run_id], len(new), len(cells) - len(new), changed)


def copies_in(client: MlflowClient, experiment_id: str) -> dict[str, Run]:
    """Sweeps, groups and unfinished copies, by the id of the run that each is a copy of; others by their own id."""
    wanted = "tags.kind = 'sweep'", "tags.kind = 'group'", "tags.imported LIKE '%' and attributes.status != 'FINISHED'"
    runs = [run for condition in wanted for run in search(client, experiment_id, condition)]
    return {run.data.tags.get(IMPORTED, run.info.run_id).removesuffix(UNFINISHED): run for run in runs}


def is_whole(run: Run | None) -> bool:
    """Tell whether there is such a run, and it is not the unfinished part of an interrupted import."""
    return run is not None and not (
        run.data.tags.get(IMPORTED, "").endswith(UNFINISHED) or run.info.status == "RUNNING"
    )


@dataclass
class Writer:
    """Writes the runs of an export.

    Attributes
    ----------
    ids : dict
        The ids of runs in this store by their ids in the export.
    """

    client: MlflowClient
    export: Export
    experiment_id: str
    ids: dict[str, str]

    def begin(self, run: ExportedRun) -> None:
        """Create a run, unless an earlier import has."""
        if run.run_id not in self.ids:
            tags = {"kind": run.kind, IMPORTED: f"{run.run_id}{UNFINISHED}"}
            created = self.client.create_run(self.experiment_id, run.started, tags, run.name)
            self.ids[run.run_id] = created.info.run_id

    def complete(self, run: ExportedRun) -> None:
        """Write all of a run, and end it. What an interrupted import has written already is not there twice then."""
        run_id = self.ids[run.run_id]
        tags = [RunTag(name, self.translated(value.encode()).decode()) for name, value in run.tags.items()]
        self.client.log_batch(run_id, params=[Param(*param) for param in run.params.items()], tags=tags)
        for first in range(0, len(run.points), MAX_METRICS):
            points = run.points[first : first + MAX_METRICS]
            self.client.log_batch(run_id, [Metric(*point) for point in points])
        if run.datasets:
            log_datasets(self.client, run_id, [known.model_dump(exclude_none=True) for known in run.datasets])
        with TemporaryDirectory() as copies:
            for path, file in self.export.artifacts_of(run.run_id).items():
                copy = Path(copies, path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                content = file.read_bytes()
                copy.write_bytes(self.translated(content) if path.suffix in TEXTS else content)
            self.client.log_artifacts(run_id, copies)
        self.client.set_tag(run_id, IMPORTED, run.run_id)
        self.client.set_terminated(run_id, run.status, run.ended)

    def translated(self, text: bytes) -> bytes:
        """A text with the ids that runs and the experiment have in this store."""
        text = re.sub(
            rb"\b[0-9a-f]{32}\b", lambda found: self.ids.get(found[0].decode(), found[0].decode()).encode(), text
        )
        there, here = (
            f"experiments/{number}/runs" for number in (self.export.manifest.experiment_id, self.experiment_id)
        )
        return text.replace(there.encode(), here.encode())
