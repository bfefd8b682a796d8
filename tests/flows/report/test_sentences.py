"""No sentence of an answer contradicts its table: random comparisons, whose tables are read as text."""

import re

import numpy as np
import pandas as pd
import pytest

from flows.plan.cell import PARAMS, RUN_COLUMNS
from flows.report import tables
from flows.report.answer import answer
from flows.report.compare import Comparison, find_baselines, grouped, over_seeds
from mlp.statistics.intervals import student_interval

TESTED = ["test/accuracy", "noise/uniform/confidence"]
METRICS = [*TESTED, "train/accuracy_memorized", "train/accuracy_resisted", "generalization_gap"]
COUNT, PARTS = 2000, 20


def random_comparison(rng: np.random.Generator) -> Comparison:
    """One to five groups of one to nine seeds, with differences from none to large, and values that are missing."""
    groups, seeds = rng.integers(1, 6), rng.integers(1, 10)
    fractions = np.linspace(0, 1, 5)[:groups]
    cells = pd.DataFrame(
        [
            dict.fromkeys([*RUN_COLUMNS, *PARAMS], "")
            | {"data": "digits", "fraction": f, "seed": seed, "corruption": "shuffle"}
            for f in fractions
            for seed in range(seeds)
        ]
    )
    for name in METRICS:
        if rng.random() < 0.85:
            means = rng.random(groups) if rng.random() < 0.6 else np.full(groups, rng.random())
            values = means.repeat(seeds) + rng.normal(0, rng.choice([0, 0.003, 0.05, 0.3]), len(cells))
            values = values - 0.5 if name == "generalization_gap" else np.clip(values, 0, 1)
            cells[name] = np.where(rng.random(len(cells)) < rng.choice([0, 0.3]), np.nan, values)
    cells, found = grouped(cells, ["fraction"])
    bases = find_baselines(found, ["fraction"], f"fraction={rng.choice(fractions):g}" if groups > 1 else "")
    return over_seeds(cells, ["fraction"], found, bases, TESTED, [])


def column(comparison: Comparison, name: str, heading: str) -> dict[str, str]:
    """A column of the table of a metric, by the title of the group."""
    table = tables.detail(comparison, name)
    place = list(table.headings).index(heading)
    return {comparison.title(group): row[place] for group, row in enumerate(table.rows)}


def told_apart(comparison: Comparison, name: str) -> tuple[int, int]:
    """How many groups have a baseline, and of how many the widened interval of the difference leaves out 0."""
    pairs = [(base, place) for place, base in enumerate(comparison.baselines) if base is not None]
    values = comparison.values(name)
    _, low, high = student_interval(
        values[:, [place for _, place in pairs]] - values[:, [base for base, _ in pairs]], 1 - 0.05 / len(pairs)
    )
    measured = np.isfinite(values[:, [place for _, place in pairs]]).any(axis=0)
    return int(measured.sum()), int((((low > 0) | (high < 0)) & measured).sum())


def check_counts(sentence: str, comparison: Comparison, name: str) -> None:
    """What a sentence says of the seeds is what the intervals say."""
    compared, different = told_apart(comparison, name)
    assert not re.search(r"(?i)no (group|other)|no difference|none differ|equal|the same", sentence)
    if found := re.search(r"Of the (\d) other groups (\d) differs? from", sentence):
        assert (compared, different) == (int(found[1]), int(found[2]))
        left = re.search(r"do not tell the other( \d)? from it", sentence)
        assert int(left[1] or 1) == compared - different > 0
    elif "other groups differ from" in sentence:
        assert different == compared > 1
    elif "The seeds differ by less" in sentence:
        assert (compared, different) == (1, 1)
    elif "These seeds" in sentence or "unknown whether" in sentence:
        assert different == 0


def check(comparison: Comparison) -> None:
    sentences = {sentence.split()[0] + sentence.split()[1]: sentence for sentence in answer(comparison)}
    for start, name in zip(("Thenetworks", "Noisegets", "Wronglabels"), METRICS, strict=False):
        sentence = sentences.get(start, "")
        if not sentence or (start == "Thenetworks" and "test images correctly" not in sentence):
            continue
        means = column(comparison, name, "mean")
        mine = sentence.partition(", while ")[0]
        quoted = re.findall(r"(\d+\.\d\d) %[^(%]*?\(([^)]*(?:shuffled))\)", mine)
        if len(comparison.groups) > 1:
            assert quoted
            assert all(means[group] == share for share, group in quoted)
        known = {group: float(share) for group, share in means.items() if share != "–"}
        if start != "Thenetworks" and len(known) > 1:  # both ends are said
            assert {float(share) for share, _ in quoted} == {min(known.values()), max(known.values())}
        if name in TESTED and comparison.has_baseline:
            check_counts(sentence, comparison, name)
    if found := re.search(r"a difference of (\S+) points", sentences.get("Thenetworks", "")):
        differences = column(comparison, "test/accuracy", "difference, points")
        assert found[1] in {text.lstrip("+") for text in differences.values()}
        sizes = [abs(float(text.replace("−", "-"))) for text in differences.values() if text not in ("", "–")]
        assert abs(float(found[1].replace("−", "-"))) == pytest.approx(max(sizes))
    for sentence in sentences.values():
        if "more of the training images" in sentence or "fewer of the training images" in sentence:
            gaps = column(comparison, "generalization_gap", "mean")
            sizes = [float(text.replace("−", "-")) for text in gaps.values() if text != "–"]
            size, word = re.search(r"read (\d+\.\d\d) points (more|fewer)", sentence).groups()
            assert float(size) == abs(max(sizes))
            assert float(size) == 0 or (word == "more") == (max(sizes) > 0)


@pytest.mark.parametrize("part", [0, 1, *(pytest.param(part, marks=pytest.mark.slow) for part in range(2, PARTS))])
def test_no_sentence_contradicts_its_table(part):
    rng = np.random.default_rng(part)
    for _ in range(COUNT // PARTS):
        check(random_comparison(rng))
