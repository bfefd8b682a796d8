"""The judgement of a claim: what its trained networks show, held against what its file allows."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from flows.claims import verdicts
from flows.claims.claim import SCALES, Claim, Quantity, experiment_name, load_claim
from flows.claims.verdicts import SHOWN, UNDECIDED, Verdict, Word
from flows.errors import ConfigurationError
from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.plan.preparation import clean_data, keyed_cells, load_data, network_of, train_labels_of
from flows.store.artifacts import artifact, has_artifact, load_weights
from flows.store.experiments import find_experiment
from flows.store.results import load_cells, read_curves
from mlp.claims import CLAIMS, Findings, Networks, TrainedNetwork, estimate, holds, measure_of
from mlp.data.sets import Dataset, DataUnavailable
from mlp.nn.descent import Descent
from mlp.nn.network import Parameters
from mlp.statistics.intervals import FEWEST_SEEDS, Estimate

VERDICT_FILE = "claim.json"


def available(claim: Claim) -> tuple[Claim, list[str]]:
    """A claim without those of its optional experiments whose data can't be had, and the reasons."""
    missing = {}
    for role in claim.optional:
        try:
            clean_data(claim.experiments[role].cells()[0])
        except DataUnavailable as error:
            missing[role] = f"{role}: {str(error).partition(';')[0]}"
    experiments = {role: found for role, found in claim.experiments.items() if role not in missing}
    return claim.model_copy(update={"experiments": experiments}), list(missing.values())


def judge_claim(client: MlflowClient, claim: Claim) -> Verdict:
    """Measure a claim on its trained experiments, judge it, and keep the verdict with their sweeps."""
    began = monotonic()
    runs = {role: Networks() for role in claim.optional}
    tables = []
    for role, experiment in claim.experiments.items():
        runs[role], table = trained_networks(client, experiment)
        tables.append(table)
    findings = measure_of(claim.name)(**runs)
    verdict = judge(claim, findings, runs[next(iter(claim.experiments))][0].data.name)
    cells = pd.concat(tables)
    verdict["seconds"] = monotonic() - began + seconds_trained(cells)
    keep(client, set(cells["sweep"]), verdict, findings)
    return verdict


def seconds_trained(cells: pd.DataFrame) -> float:
    """Count the seconds in which some of the cells trained: without the pauses of a sweep that was interrupted."""
    cells = cells.sort_values("started")
    begun = (cells["started"] - cells["started"].iloc[0]).dt.total_seconds()
    ended = (begun + cells["seconds"]).cummax()
    pauses = (begun - ended.shift()).clip(lower=0)
    return float(ended.iloc[-1] - pauses.sum())


def trained_networks(client: MlflowClient, experiment: Experiment) -> tuple[Networks, pd.DataFrame]:
    """The trained networks of an experiment, in the order of its grid, and the table of their cells."""
    cells = keyed_cells(experiment)
    found = find_experiment(client, experiment.name)
    assert found is not None
    frame = load_cells(client, found.experiment_id, list(cells))
    points = read_curves(client, list(frame["run_id"])).sort_values("step")
    curves: dict[str, dict[str, NDArray]] = {run_id: {} for run_id in frame["run_id"]}
    for (run_id, metric), curve in points.groupby(["run_id", "metric"]):
        curves[run_id][metric] = curve["value"].to_numpy()
    sets = {place: load_data(cell) for place, cell in {cell.data_source: cell for cell in cells.values()}.items()}
    runs = Networks()
    for key, run_id in zip(frame["cell"], frame["run_id"], strict=True):
        cell, read_parameters = cells[key], partial(load_weights, client, run_id)
        runs.append(as_run(cell, sets[cell.data_source], curves[run_id], read_parameters))
    return runs, frame


def as_run(
    cell: Cell, data: Dataset, curves: dict[str, NDArray], read_parameters: Callable[[], Parameters]
) -> TrainedNetwork:
    """A cell in the form that `mlp.claims` measures."""
    return TrainedNetwork(
        network=network_of(cell, data),
        descent=Descent(**cell.descent.model_dump()),
        data=data,
        train_labels=train_labels_of(cell, data),
        seed=cell.seed,
        fraction=cell.fraction,
        inputs=cell.inputs,
        curves=curves,
        read_parameters=read_parameters,
    )


def judge(claim: Claim, findings: Findings, data: str) -> Verdict:
    """Judge the findings by what the file of the claim allows: those of its own set-up, and of each other one apart."""
    rows = [judged_quantity(name, quantity, findings) for name, quantity in claim.quantities.items()]
    setups = list(dict.fromkeys(quantity.setup for quantity in claim.quantities.values() if quantity.judged))
    judged = [row for row in rows if row["holds"] != SHOWN]
    words = {setup: word([row["holds"] for row in judged if row["setup"] == setup]) for setup in setups}
    return Verdict(
        claim=claim.name,
        scale=claim.scale,
        statement=claim.statement,
        source=claim.source,
        data=data,
        judged=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=0.0,
        verdict=words.pop(""),
        setups=words,
        quantities=rows,
    )


def word(holds: list[bool | str]) -> Word:
    """Reproduced if all judged quantities hold, *not* if none does, in part if some do and some don't."""
    if set(holds) == {True}:
        return "reproduced"
    if set(holds) == {False}:
        return "not"
    return "in part" if True in holds and False in holds else "undecided"


def judged_quantity(name: str, quantity: Quantity, findings: Findings) -> dict[str, Any]:
    """A row of a `Verdict`."""
    found = findings.quantities[name]
    measured = estimate(found, interval_scale(quantity, found))
    numbers = {field: float(number) for field, number in measured._asdict().items()}
    decided = holds(measured, quantity.at_least, quantity.at_most)
    return {
        "name": name,
        **quantity.model_dump(),
        **{field: number if np.isfinite(number) else None for field, number in numbers.items()},
        "points": points_of(found),
        "holds": SHOWN if not quantity.judged else UNDECIDED if decided is None else decided,
    }


def interval_scale(quantity: Quantity, found: Any) -> str:
    """The scale of a quantity's interval: that of its file, or what its values allow."""
    if quantity.scale:
        return quantity.scale
    values = np.asarray(found)
    return "share" if quantity.percent and not ((values < 0) | (values > 1)).any() else "linear"


def points_of(found: Any) -> list[float]:
    """The values of a quantity's seeds, if they are too few for an interval."""
    values = np.array([]) if isinstance(found, Estimate) else np.atleast_1d(np.asarray(found, dtype=np.float64))
    known = np.sort(values[np.isfinite(values)])
    return known.tolist() if 2 <= len(known) < FEWEST_SEEDS else []


def keep(client: MlflowClient, sweeps: set[str], verdict: Verdict, findings: Findings) -> None:
    """Log the verdict, its table and its figures with the sweeps that trained the networks."""
    for sweep in sweeps:
        client.log_dict(sweep, dict(verdict), VERDICT_FILE)
        client.log_text(sweep, verdicts.markdown(verdict), "claim.md")
        for name, figure in findings.figures.items():
            client.log_figure(sweep, figure, f"claim/{name}.png")
        client.set_tag(sweep, "verdict", verdict["verdict"])
        client.set_tag(sweep, "judged", verdict["judged"])


def judged_sweep(client: MlflowClient, name: str, scale: str) -> str | None:
    """The run id of the sweep with the latest verdict on a claim in the store."""
    experiment = find_experiment(client, experiment_name(name, scale))
    if experiment is None:
        return None
    judged = client.search_runs(
        [experiment.experiment_id], "tags.verdict LIKE '%'", order_by=["tags.judged DESC"], max_results=1
    )
    return judged[0].info.run_id if judged else None


def stored_figures(client: MlflowClient, name: str, scale: str) -> dict[str, bytes]:
    """The figures of the latest verdict on a claim, by name, as PNG."""
    run_id = judged_sweep(client, name, scale)
    if run_id is None:
        return {}
    figures = {}
    for item in client.list_artifacts(run_id, "claim"):
        with artifact(client, run_id, item.path) as path:
            figures[path.stem] = path.read_bytes()
    return figures


def stored_verdict(client: MlflowClient, name: str, scale: str) -> Verdict | None:
    """The latest verdict on a claim in the store."""
    run_id = judged_sweep(client, name, scale)
    if run_id is None:
        return None
    try:
        with artifact(client, run_id, VERDICT_FILE) as path:
            return verdicts.read(path)
    except ValueError:
        state = "damaged"
    except (MlflowException, OSError):
        if has_artifact(client, run_id, VERDICT_FILE):
            raise
        state = "gone"
    raise ConfigurationError(
        f"claim: the verdict on {name}, {VERDICT_FILE} of run {run_id}, is {state}; "
        f"`mlp reproduce {name} --scale {scale}` writes it again"
    )


def stored_verdicts(client: MlflowClient) -> tuple[dict[str, str], dict[tuple[str, str], Verdict]]:
    """The statements of all claims by name, and the verdicts in the store by name and scale."""
    statements = {name: load_claim(name, "small").statement for name in CLAIMS}
    places = [(name, scale) for name in CLAIMS for scale in SCALES]
    return statements, {place: found for place in places if (found := stored_verdict(client, *place))}
