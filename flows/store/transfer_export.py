"""A sweep, written into a folder that another store can import."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from mlflow import MlflowClient
from mlflow.entities import Run

from flows.errors import ConfigurationError
from flows.store.artifacts import read_experiment
from flows.store.results import Selection, read_curves
from flows.store.runs import curve_points, search
from flows.store.transfer import ARTIFACTS, MANIFEST, MODEL, RUN, DatasetFields, ExportedRun, Manifest, checked

ENDED = ("FINISHED", "FAILED", "KILLED")
PACKAGES = ("mlp-flows", "numpy", "scikit-learn", "mlflow")
Point = tuple[str, float, int, int]  # metric, value, time in ms, step


def export_sweep(client: MlflowClient, selection: Selection, folder: Path) -> None:
    """Write a sweep, its cells and their artifacts into a folder, which is complete or not there.

    Parameters
    ----------
    selection : Selection
        The cells of a sweep. Some may be of an earlier sweep, which had trained them.
    folder : Path
        A new or an empty one.

    Raises
    ------
    ConfigurationError
        If the folder can't be used, the sweep is running, or it has lost its experiment.
    """
    sweep = selection.sweep
    assert sweep is not None
    experiment = read_experiment(client, sweep)
    group = f"tags.kind = 'group' and tags.sweep = '{sweep.info.run_id}'"
    cells = [client.get_run(run_id) for run_id in selection.cells["run_id"]]
    runs = [sweep, *cells, *search(client, sweep.info.experiment_id, group)]
    if running := next((run for run in runs if run.info.status not in ENDED), None):
        raise ConfigurationError(f"sweep: {running.info.run_name} given, which is running; allowed: one that has ended")
    with draft_of(folder) as draft:
        tables = {"runs": selection.cells, "curves": read_curves(client, list(selection.cells["run_id"]))}
        for name, table in tables.items():
            table.to_parquet(draft / f"{name}.parquet", index=False)
            table.to_csv(draft / f"{name}.csv", index=False)
        points = points_of(client, runs)
        for run in runs:
            export_run(client, run, points[run.info.run_id], draft / "runs" / run.info.run_id)
        files = sorted(path for path in draft.rglob("*") if path.is_file())
        manifest = Manifest(
            name=experiment.name,
            experiment_id=sweep.info.experiment_id,
            description=experiment.description,
            sweep=sweep.info.run_id,
            versions={name: version(name) for name in PACKAGES},
            files={path.relative_to(draft).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files},
        )
        (draft / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")


@contextmanager
def draft_of(folder: Path) -> Iterator[Path]:
    """A folder to write into, whose content becomes that of `folder` once the block has ended without an error."""
    given, there = f"--to: {str(folder)!r} given", False
    try:
        there = folder.exists()
        if there and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigurationError(f"{given}, which is not empty; allowed: a new or an empty folder")
        # In an empty folder and not beside it, because that may be where another disk is mounted.
        draft = (folder if there else folder.parent) / f"{folder.name}.{uuid4().hex[:8]}.draft"
        draft.mkdir()
    except OSError as error:
        raise ConfigurationError(f"{given} ({error.strerror}); allowed: a folder in one that can be written") from None
    try:
        yield draft
        if there:
            for path in sorted(draft.iterdir(), key=lambda path: path.name == MANIFEST):  # without it, it is no export
                path.rename(folder / path.name)
        else:
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def points_of(client: MlflowClient, runs: list[Run]) -> dict[str, list[Point]]:
    """All points of runs, by run id. To ask for them run by run and metric by metric would take ten times as long."""
    names = dict.fromkeys(name for run in runs for name in run.data.metrics)
    points: dict[str, list[Point]] = {run.info.run_id: [] for run in runs}
    for run_id, metric, step, value, moment in curve_points(client, list(points), list(names)):
        points[run_id].append((metric, value, moment, step))
    return points


def export_run(client: MlflowClient, run: Run, points: list[Point], folder: Path) -> None:
    """Write a run and its artifacts."""
    run_id = run.info.run_id
    sets = [item.dataset for item in run.inputs.dataset_inputs] if run.inputs else []
    content = {
        "run_id": run_id,
        "kind": run.data.tags["kind"],
        "name": run.info.run_name or "",
        "status": run.info.status,
        "started": run.info.start_time,
        "ended": run.info.end_time,
        "tags": run.data.tags,
        "params": run.data.params,
        "points": points,
        "datasets": [{name: getattr(known, name) for name in DatasetFields.model_fields} for known in sets],
    }
    exported = checked(lambda: ExportedRun.model_validate(content), folder / RUN)
    folder.mkdir(parents=True)
    (folder / RUN).write_text(exported.model_dump_json(), encoding="utf-8")
    for item in client.list_artifacts(run_id):
        if item.path != MODEL:
            (folder / ARTIFACTS).mkdir(exist_ok=True)
            client.download_artifacts(run_id, item.path, str(folder / ARTIFACTS))
