"""Group runs: MLflow's own charts draw means and intervals over seeds from them.

MLflow draws a group of runs as their average, in a band from the lowest to the highest. A group's mean, lower and upper
curve, a run each under the names of the cells' own metrics, so become the mean in its 95 % interval: the interval is
symmetric, and the average of the three is the mean.
"""

import time

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from flows.compare import Comparison, show
from flows.results import PARAMS
from flows.tracking import search
from mlp.statistics import Summary

STATISTICS = {"mean": "mean", "lower": "low", "upper": "high"}
MOST_METRICS = 900  # of one log_batch; with the params 1,000 are allowed
# MLflow's page loads 100 runs.
MOST_GROUPS_WITH_INTERVALS = 33


def log_groups(
    client: MlflowClient, experiment_id: str, sweep_id: str, comparison: Comparison, curves: dict[str, Summary]
) -> None:
    """Write the group runs of a sweep, in place of those that it may have.

    Parameters
    ----------
    curves : dict
        Of `Comparison.curves`.
    """
    for old in search(client, experiment_id, f"tags.kind = 'group' and tags.sweep = '{sweep_id}'"):
        client.delete_run(old.info.run_id)
    with_intervals = len(comparison.groups) <= MOST_GROUPS_WITH_INTERVALS
    for place in range(len(comparison.groups)):
        for statistic in STATISTICS if with_intervals else ("mean",):
            log_group(client, experiment_id, sweep_id, comparison, curves, place, statistic)


def log_group(
    client: MlflowClient,
    experiment_id: str,
    sweep_id: str,
    comparison: Comparison,
    curves: dict[str, Summary],
    place: int,
    statistic: str,
) -> None:
    """Write one of a group's runs; none if it would be empty, as the interval of one seed is."""
    figure, group, now = STATISTICS[statistic], comparison.groups[place], int(time.time() * 1000)
    metrics = [
        Metric(name, float(value), now, step)
        for name, summary in curves.items()
        for step, value in enumerate(getattr(summary, figure)[place])
        if np.isfinite(value)
    ]
    last = max((metric.step for metric in metrics), default=0)
    metrics += [
        Metric(name, group[name][figure], now, last)
        for name in comparison.metrics
        if name in group and name not in curves and group[name][figure] is not None
    ]
    if not metrics:
        return
    tags = {
        "mlflow.parentRunId": sweep_id,
        "sweep": sweep_id,
        "kind": "group",
        "statistic": statistic,
        "mlflow.note.content": f"{statistic} over {group['seeds']} seeds; the interval is Student's, 95 %",
    }
    run_id = client.create_run(experiment_id, run_name=f"{comparison.label(place)} {statistic}", tags=tags).info.run_id
    members = comparison.cells[comparison.cells["group"] == place]
    params = {name: members[name].iloc[0] for name in PARAMS if members[name].nunique() == 1} | {
        "seeds": group["seeds"]
    }
    client.log_batch(run_id, params=[Param(name, show(value)) for name, value in params.items()])
    for first in range(0, len(metrics), MOST_METRICS):
        client.log_batch(run_id, metrics=metrics[first : first + MOST_METRICS])
    client.set_terminated(run_id)
