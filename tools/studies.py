"""Figures and tables of the studies, from their sweeps in the store; ``python tools/studies.py`` writes docs/."""

from pathlib import Path

import numpy as np
import pandas as pd

from flows.platform.environment import prepare_environment
from flows.report.tables import markdown_table
from flows.store.results import load_runs
from mlp.data.corruption import LABEL_CORRUPTIONS
from mlp.figures import label_noise, level_effects
from mlp.measures.memorization import break_point

DOCS = Path(__file__).parents[1] / "docs"
MEASURES = {
    "noise/uniform/confidence": "largest activation",
    "noise/uniform/above_0.9": "share above 0.9",
    "noise/uniform/auroc": "AUROC against test images",
}
FACTORS = {
    "start": "start", "hidden": "neurons", "cost": "cost", "activation": "activation", "epochs": "epochs",
    "fraction": "labels shuffled",
}  # fmt: skip
CHANCE = 0.1
LEARNED = 0.5  # test accuracy
SHOWN = 6  # settings at either end of the table


def sure_of_noise() -> None:
    """What decides how sure a network is of noise."""
    runs = load_runs("noise", everything=True)
    by_setting = [runs[param] for param in FACTORS if param != "fraction"]
    true = runs["fraction"] == 0
    # Without wrong labels. Some start so badly that they learn nothing, and are unsure for that reason.
    accuracy = runs["test/accuracy"].where(true).groupby(by_setting).transform("mean")
    learned = accuracy > LEARNED
    runs, true = runs[learned].assign(fraction=runs["fraction"].map("{:g}".format)), true[learned]
    measures = {title: runs[metric].to_numpy() for metric, title in MEASURES.items()}
    # How far labels matter is a row of its own; the other factors are compared on true labels.
    factors = {
        name: [
            level if of_true or param == "fraction" else None for level, of_true in zip(runs[param], true, strict=True)
        ]
        for param, name in FACTORS.items()
    }
    level_effects(measures, factors).savefig(DOCS / "noise.png")
    columns = [*MEASURES, "test/accuracy"]
    means = runs.groupby(list(FACTORS))[columns].mean().sort_values("noise/uniform/confidence", ascending=False)
    rows = [
        [*map(str, levels), *(f"{100 * value:.1f}" for value in values)]
        for levels, *values in pd.concat([means.head(SHOWN), means.tail(SHOWN)]).itertuples()
    ]
    heads = [*FACTORS.values(), *MEASURES.values(), "test accuracy"]
    table = markdown_table(heads, rows, "l" * len(FACTORS) + "r" * len(columns))
    note = (
        f"The {SHOWN} surest and the {SHOWN} least sure of {len(means)} settings, mean over seeds, in %. "
        f"Left out: {(~learned).sum()} networks of settings that read less than half of the digits with true labels."
    )
    (DOCS / "noise.md").write_text(f"{table}\n\n{note}\n", encoding="utf-8")


def noise_in_labels() -> None:
    """How much label noise networks of different widths bear."""
    runs = load_runs("label_noise", everything=True).astype({"hidden": int})
    fractions = sorted(runs["fraction"].unique())
    accuracy: dict[str, dict[str, np.ndarray]] = {}
    breaks: dict[str, np.ndarray] = {}
    clean = runs["fraction"] == 0  # belongs to every kind, and is trained only once
    for kind in runs.loc[~clean, "corruption"].unique():
        of_kind = runs[clean | (runs["corruption"] == kind)]
        named = LABEL_CORRUPTIONS[str(kind)].word
        tables = {
            str(width): cells.pivot(index="fraction", columns="seed", values="test/accuracy").loc[fractions].to_numpy()
            for width, cells in of_kind.groupby("hidden")
        }
        accuracy[named] = tables
        breaks[named] = np.array(
            [[break_point(fractions, seed, CHANCE) for seed in table.T] for table in tables.values()]
        )
    label_noise(fractions, accuracy, breaks).savefig(DOCS / "label_noise.png")
    rows = [
        [kind, width, *(f"{100 * mean:.1f}" for mean in table.mean(axis=1)), f"{100 * points.mean():.0f}"]
        for kind, tables in accuracy.items()
        for (width, table), points in zip(tables.items(), breaks[kind], strict=True)
    ]
    heads = ["labels", "neurons", *(f"{100 * fraction:g} %" for fraction in fractions), "half is lost at"]
    table = markdown_table(heads, rows, "lr" + "r" * (len(fractions) + 1))
    (DOCS / "label_noise.md").write_text(
        f"{table}\n\nTest accuracy by fraction of corrupted labels, mean over seeds, in %.\n", encoding="utf-8"
    )


if __name__ == "__main__":
    prepare_environment()
    sure_of_noise()
    noise_in_labels()
