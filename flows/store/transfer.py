"""The folder in which a sweep travels from one store to another: its format, and the checks before anything is used.

::

    manifest.json              the experiment, the sweep, versions, and the SHA-256 of every other file
    runs.parquet, runs.csv     what `load_runs` returns
    curves.parquet, curves.csv what `load_curves` returns
    runs/<run id>/run.json     an MLflow run: tags, params, metrics with steps and times, data sets
    runs/<run id>/artifacts/   its artifacts; models, which are code, stay behind
"""

import hashlib
import posixpath
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from flows.errors import ConfigurationError
from flows.plan.cell import PARAMS
from flows.plan.experiment import Experiment
from flows.plan.settings import NetworkSettings
from flows.store.artifacts import CELLS, EXPERIMENT, WEIGHTS, parse_cells, parse_experiment
from flows.store.failures import shortened
from mlp.nn.weights import read_weights

MANIFEST, RUN, ARTIFACTS = "manifest.json", "run.json", "artifacts"
TABLES = ("runs.parquet", "runs.csv", "curves.parquet", "curves.csv")
TEXTS = (".json", ".yaml", ".csv", ".html", ".md", ".txt")  # artifacts that may name runs, and are read as a whole
MAX_TEXT, MAX_FILE = 2**26, 2**30  # bytes
MODEL = "model"  # an artifact that is code: it is never exported nor imported, but made again from the weights


def plain_path(name: str) -> str:
    """The name of a tag, param or metric, if MLflow takes it: as a path it must be normal and lead nowhere else."""
    if posixpath.normpath(name) != name or name.split("/")[0] in (".", ".."):
        raise ValueError(f"{name!r} given; allowed: a name without empty parts and dots")
    return name


# A part of a path that neither Linux nor macOS nor Windows nor MLflow, which reads %41 as A, takes for something else.
PLAIN_PART = re.compile(r'[^\x00-\x1f\\:*?"<>|%]*[^\x00-\x1f\\:*?"<>|%. ]')
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Name = Annotated[str, Field(pattern=r"^[\w.\- :/]+$", max_length=250), AfterValidator(plain_path)]
Moment = Annotated[int, Field(ge=0, lt=2**42)]  # ms since 1970, until 2109
Step = Annotated[int, Field(ge=0, le=1_000_000)]
Content = TypeVar("Content", bound=BaseModel)


class Exported(BaseModel):
    """A part of an export. Unknown fields and other types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, ser_json_inf_nan="constants")


class DatasetFields(Exported):
    """A data set as MLflow describes it; see `flows.plan.preparation.dataset_fields`."""

    name: str = Field(max_length=500)
    digest: str = Field(max_length=36)
    source_type: str
    source: str = Field(max_length=65_535)
    profile: str | None = None


class ExportedRun(Exported):
    """A run that has ended. Its points are (metric, value, time in ms, step)."""

    run_id: RunId
    kind: Literal["sweep", "cell", "group"]
    name: str = Field(max_length=250)
    status: Literal["FINISHED", "FAILED", "KILLED"]
    started: Moment
    ended: Moment
    tags: Annotated[dict[Name, Annotated[str, Field(max_length=8000)]], Field(max_length=99)]
    params: Annotated[dict[Name, Annotated[str, Field(max_length=6000)]], Field(max_length=100)]
    points: list[tuple[Name, float, Moment, Step]]
    datasets: list[DatasetFields]

    @model_validator(mode="after")
    def _tags_fit(self) -> Self:
        if self.tags.get("kind") != self.kind or (self.kind == "cell" and not self.tags.get("cell")):
            raise ValueError(f"tags: those of no {self.kind} given; allowed: kind, and cell for a cell")
        return self


class Manifest(Exported):
    """The contents of an export; name and description are those of the experiment."""

    format: Literal[1] = 1
    name: str
    experiment_id: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
    description: str
    sweep: RunId
    versions: dict[str, str]
    files: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]

    @model_validator(mode="after")
    def _experiment_can_exist(self) -> Self:
        Experiment(name=self.name, description=self.description)
        return self


@dataclass(frozen=True)
class Export:
    """An export that was checked.

    Attributes
    ----------
    folder : Path
    manifest : Manifest
    runs : list of ExportedRun
    """

    folder: Path
    manifest: Manifest
    runs: list[ExportedRun]

    def artifacts_of(self, run_id: str) -> dict[PurePosixPath, Path]:
        """The artifacts of a run: their paths in the run, and their files."""
        start = f"runs/{run_id}/{ARTIFACTS}/"
        names = [name for name in self.manifest.files if name.startswith(start)]
        return {PurePosixPath(name.removeprefix(start)): self.folder / name for name in names}


def read_export(folder: Path) -> Export:
    """Read an export and check all of it: form, sizes, paths, checksums, and that its parts fit together.

    Raises
    ------
    ConfigurationError
        If it is no export, or a file is missing or was changed.
    """
    manifest = parse(Manifest, folder / MANIFEST)
    for name, checksum in manifest.files.items():
        limit = MAX_TEXT if PurePosixPath(name).suffix in TEXTS and name not in TABLES else MAX_FILE
        with opened(inside(folder, name), limit) as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != checksum:
                raise ConfigurationError(f"{file.name}: damaged or changed since its export; allowed: a whole export")
    names = [name for name in manifest.files if re.fullmatch(rf"runs/[^/]+/{RUN}", name)]
    export = Export(folder, manifest, [parse(ExportedRun, folder / name) for name in names])
    if problem := contradiction(manifest, export.runs) or lack(export):
        raise ConfigurationError(f"{folder}: {problem}; allowed: a folder that `mlp export` has written")
    return export


def opened(path: Path, limit: int) -> BufferedReader:
    """A file of an export; refused if it is no file, such as a pipe, which never ends, or has too many bytes."""
    try:
        about = path.stat()
        if stat.S_ISREG(about.st_mode) and about.st_size <= limit:
            return path.open("rb")
        problem = "too large" if stat.S_ISREG(about.st_mode) else "not a file"
    except OSError as error:
        problem = str(error.strerror)
    raise ConfigurationError(f"{path}: {problem}; allowed: a folder that `mlp export` has written")


def parse(kind: type[Content], path: Path) -> Content:
    """The content of a file of JSON."""
    with opened(path, MAX_TEXT) as file:
        content = file.read()
    return checked(lambda: kind.model_validate_json(content), path)


def checked(make: Callable[[], Content], path: Path) -> Content:
    """A part of an export; if its fields can't be as they are, the first such field is named.

    Raises
    ------
    ConfigurationError
        If a field is not as it must be.
    """
    try:
        return make()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"{path}: {where}: {first['msg']}; allowed: what `mlp export` has written") from None


def inside(folder: Path, name: str) -> Path:
    """The path of a file of an export; refused if some system would take its name for a place out of the folder."""
    path = folder / name
    if not all(map(PLAIN_PART.fullmatch, name.split("/"))) or not path.resolve().is_relative_to(folder.resolve()):
        raise ConfigurationError(
            f"{folder / MANIFEST}: file {name!r} given; allowed: files in the folder, with names for every system"
        )
    return path


def contradiction(manifest: Manifest, runs: list[ExportedRun]) -> str:
    """Say what does not fit together in an export; empty if everything does."""
    ids = [run.run_id for run in runs]
    keys = [run.tags["cell"] for run in runs if run.kind == "cell"]
    own = {f"runs/{run_id}/{RUN}" for run_id in ids} | set(TABLES)
    others = [
        re.fullmatch(rf"runs/([0-9a-f]{{32}})/{ARTIFACTS}/([^/]+).*", name) for name in manifest.files.keys() - own
    ]
    if [run.run_id for run in runs if run.kind == "sweep"] != [manifest.sweep]:
        return f"sweep {manifest.sweep} is not its only sweep"
    if len(set(ids)) < len(ids) or len(set(keys)) < len(keys):
        return "a run or a cell is in it twice"
    if not all(file and file[1] in ids for file in others):
        return "a file belongs to no run"
    if any(file and file[2] == MODEL for file in others):
        return "it contains a model, which is code"
    return ""


def lack(export: Export) -> str:
    """Say what the sweep of an export lacks to be compared; empty if it has everything."""
    files = {str(path): file for path, file in export.artifacts_of(export.manifest.sweep).items()}
    if missing := [name for name in (EXPERIMENT, CELLS) if name not in files]:
        return f"its sweep has no {missing[0]}"
    try:
        parse_experiment(files[EXPERIMENT].read_text(encoding="utf-8"))
        asked = parse_cells(files[CELLS].read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        return f"the {EXPERIMENT} or {CELLS} of its sweep is damaged ({shortened(error)})"
    for run in export.runs:
        try:
            check_network(export, run)
        except ValueError as error:
            return f"its run {run.run_id} has no such network ({shortened(error)})"
    others = sorted(run.tags["cell"] for run in export.runs if run.kind == "cell" and run.tags["cell"] not in asked)
    return f"its sweep did not ask for the cell {others[0]}" if others else ""


def check_network(export: Export, run: ExportedRun) -> None:
    """Raise a ValueError if the weights of a run are damaged, or of another network than its params say."""
    name = f"runs/{run.run_id}/{ARTIFACTS}/{WEIGHTS}"
    if name not in export.manifest.files:
        return
    parameters = read_weights(export.folder / name)
    hidden = [layer.biases.size for layer in parameters[:-1]]
    params = PARAMS | run.params
    NetworkSettings(hidden=tuple(hidden), **{field: params[field] for field in ("activation", "cost", "start")})
    inputs, side = len(parameters[0].weights), int(run.params.get("side", 1))
    if params["hidden"] != ("-".join(map(str, hidden)) or "none") or not side or inputs % side**2:
        raise ValueError(f"{inputs} inputs and hidden layers of {hidden} neurons")
