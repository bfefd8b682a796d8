"""Draw the README's picture of an experiment: ``python docs/picture.py EXPERIMENT FILE.png``, from the store in use."""

import sys

from flows import load_curves, load_runs
from mlp.figures import story

MEASURES = {
    "train": "train/accuracy",
    "memorized": "train/accuracy_memorized",
    "test": "test/accuracy",
    "confidence on noise": "noise/uniform/confidence",
}

experiment, file = sys.argv[1:]
runs = load_runs(experiment)
curves = load_curves(runs, ("train/cost", "test/accuracy")).merge(runs[["run_id", "fraction"]], on="run_id")
drawn = {
    metric: {
        f"{fraction:g}": group.pivot(index="run_id", columns="step", values="value").to_numpy()
        for fraction, group in points.groupby("fraction")
    }
    for metric, points in curves.groupby("metric")
}
spread = runs.groupby("fraction")[list(MEASURES.values())].agg(["mean", "std"])
figure = story(
    drawn["train/cost"],
    drawn["test/accuracy"],
    list(spread.index),
    {title: spread[metric].to_numpy() for title, metric in MEASURES.items()},
    str(runs["corruption"].iloc[0]),
)
figure.savefig(file)
