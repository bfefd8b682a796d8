"""The judgement of a claim: what its trained networks show, held against what its file allows."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from flows.claims import verdicts
from flows.claims.claim import CLAIM_NAMES, SCALES, Claim, Quantity, load_claim
from flows.claims.verdicts import Verdict
from flows.errors import ConfigurationError
from flows.plan.experiment import Cell, Experiment
from flows.plan.preparation import data_of, examples, given_labels, keyed_cells, load_data, network_of
from flows.store.artifacts import artifact, has_artifact, load_weights
from flows.store.results import load_cells, read_curves
from mlp.claims import CLAIMS, Findings, TrainedNetwork, estimate, lies_within
from mlp.data import Dataset
from mlp.descent import Descent
from mlp.network import Parameters

VERDICT_FILE = "claim.json"


def judge_claim(client: MlflowClient, claim: Claim) -> Verdict:
    """Measure a claim on its trained experiments, judge it, and keep the verdict with their sweeps."""
    runs: dict[str, list[TrainedNetwork]] = {}
    sweeps: set[str] = set()
    for role, experiment in claim.experiments.items():
        runs[role], trained_by = trained_networks(client, experiment)
        sweeps |= trained_by
    findings = CLAIMS[claim.name](**runs)
    verdict = judge(claim, findings, next(iter(runs.values()))[0].data.name)
    keep(client, sweeps, verdict, findings)
    return verdict


def trained_networks(client: MlflowClient, experiment: Experiment) -> tuple[list[TrainedNetwork], set[str]]:
    """The trained networks of an experiment, in the order of its grid, and the sweeps that trained them."""
    cells = keyed_cells(experiment)
    found = client.get_experiment_by_name(experiment.name)
    assert found is not None
    frame = load_cells(client, found.experiment_id, list(cells))
    points = read_curves(client, list(frame["run_id"])).sort_values("step")
    curves: dict[str, dict[str, NDArray]] = {run_id: {} for run_id in frame["run_id"]}
    for (run_id, metric), curve in points.groupby(["run_id", "metric"]):
        curves[run_id][metric] = curve["value"].to_numpy()
    sets = {place: load_data(cell) for place, cell in examples(cells.values()).items()}
    runs = []
    for key, run_id in zip(frame["cell"], frame["run_id"], strict=True):
        cell, read_parameters = cells[key], partial(load_weights, client, run_id)
        runs.append(as_run(cell, sets[data_of(cell)], curves[run_id], read_parameters))
    return runs, set(frame["sweep"])


def as_run(
    cell: Cell, data: Dataset, curves: dict[str, NDArray], read_parameters: Callable[[], Parameters]
) -> TrainedNetwork:
    """A cell in the form that `mlp.claims` measures."""
    return TrainedNetwork(
        network=network_of(cell, data),
        descent=Descent(**cell.experiment.descent.model_dump()),
        data=data,
        given=given_labels(cell, data),
        seed=cell.seed,
        fraction=cell.fraction,
        inputs=cell.inputs,
        curves=curves,
        read_parameters=read_parameters,
    )


def judge(claim: Claim, findings: Findings, data: str) -> Verdict:
    """Judge the findings by what the file of the claim allows.

    A claim is reproduced if all judged quantities lie in the allowed range, *not* if none does, and otherwise
    reproduced in part.
    """
    rows = [judged_quantity(name, quantity, findings) for name, quantity in claim.quantities.items()]
    judged = [row["holds"] for row in rows if row["holds"] is not None]
    return Verdict(
        claim=claim.name,
        scale=claim.scale,
        statement=claim.statement,
        source=claim.source,
        data=data,
        verdict="reproduced" if all(judged) else "in part" if any(judged) else "not",
        quantities=rows,
    )


def judged_quantity(name: str, quantity: Quantity, findings: Findings) -> dict[str, Any]:
    """A row of a `Verdict`."""
    measured = estimate(findings.quantities[name])
    shown_only = quantity.at_least is None and quantity.at_most is None
    numbers = {field: float(number) for field, number in measured._asdict().items()}
    return {
        "name": name,
        **quantity.model_dump(),
        **{field: number if np.isfinite(number) else None for field, number in numbers.items()},
        "holds": None if shown_only else lies_within(measured, quantity.at_least, quantity.at_most),
    }


def keep(client: MlflowClient, sweeps: set[str], verdict: Verdict, findings: Findings) -> None:
    """Log the verdict, its table and its figures with the sweeps that trained the networks."""
    for sweep in sweeps:
        client.log_dict(sweep, dict(verdict), VERDICT_FILE)
        client.log_text(sweep, verdicts.markdown(verdict), "claim.md")
        for name, figure in findings.figures.items():
            client.log_figure(sweep, figure, f"claim/{name}.png")
        client.set_tag(sweep, "verdict", verdict["verdict"])
        client.set_tag(sweep, "judged", datetime.now(UTC).isoformat(timespec="seconds"))


def stored_verdict(client: MlflowClient, name: str, scale: str) -> Verdict | None:
    """The latest verdict on a claim in the store."""
    experiment = client.get_experiment_by_name(f"claim-{name}-{scale}")
    if experiment is None:
        return None
    judged = client.search_runs(
        [experiment.experiment_id], "tags.verdict LIKE '%'", order_by=["tags.judged DESC"], max_results=1
    )
    if not judged:
        return None
    run_id = judged[0].info.run_id
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
    statements = {name: load_claim(name, "small").statement for name in CLAIM_NAMES}
    places = [(name, scale) for name in CLAIM_NAMES for scale in SCALES]
    return statements, {place: found for place in places if (found := stored_verdict(client, *place))}
