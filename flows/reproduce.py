"""Run a claim: its experiments as sweeps, its measure on what they trained, and the verdict kept with them."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from mlflow import MlflowClient
from rich.console import Console

from flows import results, verdicts
from flows.claim import CLAIM_NAMES, SCALES, Claim, Quantity, load_claim
from flows.errors import ConfigurationError
from flows.experiment import Cell, Experiment
from flows.run import run_sweep
from flows.tracking import open_store, tracking_uri
from flows.training import given_labels, load_data, network_of
from flows.weights import load_weights
from mlp.claims import CLAIMS, Findings, Run, estimate, lies_within
from mlp.data import Dataset
from mlp.descent import Descent
from mlp.network import Parameters

CURVES = ("train/cost", "test/cost", "train/accuracy", "test/accuracy")
VERDICT_FILE = "claim.json"


def reproduce(claim: Claim, force: bool, workers: int | None, tracking_server: str | None, console: Console) -> int:
    """Train what a claim needs and is not trained yet, measure it, judge it, and print the table.

    Returns
    -------
    int
        Exit code, that of the first sweep that did not end well; 0 whatever the verdict.
    """
    console.rule(f"[bold]{claim.name}[/], {claim.scale}")
    for experiment in claim.experiments.values():
        if code := run_sweep(experiment, force, workers, None, tracking_server, console):
            return code
    client = open_store(tracking_uri(tracking_server))
    with console.status("Measuring …"):
        runs: dict[str, list[Run]] = {}
        sweeps: set[str] = set()
        for role, experiment in claim.experiments.items():
            runs[role], trained_by = trained(client, experiment)
            sweeps |= trained_by
        findings = CLAIMS[claim.name](**runs)
        verdict = judge(claim, findings, next(iter(runs.values()))[0].data.name)
        keep(client, sweeps, verdict, findings)
    console.print(verdicts.table(verdict))
    return 0


def trained(client: MlflowClient, experiment: Experiment) -> tuple[list[Run], set[str]]:
    """The trained networks of an experiment, in the order of its grid, and the sweeps that trained them."""
    # Imported here, for it brings Prefect.
    from flows.sweep import load

    cells = load.fn(experiment)
    found = client.get_experiment_by_name(experiment.name)
    assert found is not None
    frame = results.load_cells(client, found.experiment_id, list(cells))
    points = results.read_curves(client, list(frame["run_id"]), CURVES).sort_values("step")
    curves: dict[str, dict[str, np.ndarray]] = {run_id: {} for run_id in frame["run_id"]}
    for (run_id, metric), curve in points.groupby(["run_id", "metric"]):
        curves[run_id][metric] = curve["value"].to_numpy()
    examples = {(cell.rows, cell.inputs): cell for cell in cells.values()}
    sets = {place: load_data(cell) for place, cell in examples.items()}
    runs = []
    for key, run_id in zip(frame["cell"], frame["run_id"], strict=True):
        cell, read_parameters = cells[key], partial(load_weights, client, run_id)
        runs.append(run_of(cell, sets[cell.rows, cell.inputs], curves[run_id], read_parameters))
    return runs, set(frame["sweep"])


def run_of(cell: Cell, data: Dataset, curves: dict[str, np.ndarray], read_parameters: Callable[[], Parameters]) -> Run:
    """A cell as `mlp.claims` sees it."""
    return Run(
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


def judge(claim: Claim, findings: Findings, data: str) -> dict:
    """Hold what was found against what the claim's file allows.

    Returns
    -------
    dict
        ``claim``, ``scale``, ``statement``, ``source``, ``data``, ``verdict`` (reproduced where all judged quantities
        hold, not where none does, else in part) and ``quantities``, a dict each, with ``value``, ``low``, ``high`` and
        ``holds``, None where it is not judged.
    """
    rows = [row(name, quantity, findings) for name, quantity in claim.quantities.items()]
    judged = [row["holds"] for row in rows if row["holds"] is not None]
    return {
        "claim": claim.name,
        "scale": claim.scale,
        "statement": claim.statement,
        "source": claim.source,
        "data": data,
        "verdict": "reproduced" if all(judged) else "in part" if any(judged) else "not",
        "quantities": rows,
    }


def row(name: str, quantity: Quantity, findings: Findings) -> dict:
    measured = estimate(findings.quantities[name])
    shown_only = quantity.at_least is None and quantity.at_most is None
    numbers = {field: float(number) for field, number in measured._asdict().items()}
    return {
        "name": name,
        **quantity.model_dump(),
        **{field: number if np.isfinite(number) else None for field, number in numbers.items()},
        "holds": None if shown_only else lies_within(measured, quantity.at_least, quantity.at_most),
    }


def keep(client: MlflowClient, sweeps: set[str], verdict: dict, findings: Findings) -> None:
    """Log the verdict, its table and its pictures with the sweeps that trained what it is about."""
    for sweep in sweeps:
        client.log_dict(sweep, verdict, VERDICT_FILE)
        client.log_text(sweep, verdicts.markdown(verdict), "claim.md")
        for name, figure in findings.figures.items():
            client.log_figure(sweep, figure, f"claim/{name}.png")
        client.set_tag(sweep, "verdict", verdict["verdict"])
        client.set_tag(sweep, "judged", datetime.now(UTC).isoformat(timespec="seconds"))


def stored_verdict(client: MlflowClient, name: str, scale: str) -> dict | None:
    """The latest verdict on a claim that the store holds."""
    experiment = client.get_experiment_by_name(f"claim-{name}-{scale}")
    if experiment is None:
        return None
    judged = client.search_runs(
        [experiment.experiment_id], "tags.verdict LIKE '%'", order_by=["tags.judged DESC"], max_results=1
    )
    return verdicts.read(client.download_artifacts(judged[0].info.run_id, VERDICT_FILE)) if judged else None


def tell_verdicts(tracking_server: str | None, folder: str | None, console: Console) -> None:
    """List all claims with the verdicts that the store holds, or write them to a folder in Markdown.

    There they are `claims.md`, with the tables of all, and `claims-table.md`, the overview alone.
    """
    client = open_store(tracking_uri(tracking_server))
    statements = {name: load_claim(name, "small").statement for name in CLAIM_NAMES}
    found = {
        (name, scale): verdict
        for name in CLAIM_NAMES
        for scale in SCALES
        if (verdict := stored_verdict(client, name, scale))
    }
    if folder is None:
        console.print(verdicts.overview(statements, found))
        return
    try:
        Path(folder, "claims.md").write_text(verdicts.page(statements, found), encoding="utf-8")
        Path(folder, "claims-table.md").write_text(verdicts.overview_markdown(statements, found), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--write: {folder} given ({error.strerror}); allowed: a folder to write to") from None
