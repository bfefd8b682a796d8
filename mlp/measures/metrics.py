"""The one table of what is measured: name, title, unit, where each metric is shown, and how it is computed.

To add a metric, add a function and a row. A metric with a `measure` is a curve: measured before the first epoch and
after each. One with a `final` is computed from a cell's curves when its training has ended.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from mlp.measures.confidence import MEASURES, NOISES
from mlp.measures.memorization import epochs_to


@dataclass(frozen=True)
class Evaluation:
    """One network's answers to the images of one set.

    Attributes
    ----------
    costs : (n,) float32
        Cost of each example, against its label.
    predicted, labels, true : (n,) int
        The network's answer, the label that it was trained on (on test images the true one), and the true label.
    """

    costs: NDArray
    predicted: NDArray
    labels: NDArray
    true: NDArray

    @cached_property
    def corrupted(self) -> NDArray:
        """Rows whose label is wrong (n,) bool."""
        return self.labels != self.true


@dataclass(frozen=True)
class Metric:
    """A row of the table.

    Attributes
    ----------
    name : str
        In MLflow; what stands before the slash is the set of images: ``train``, ``test`` or ``noise``.
    title : str
        Says what it is.
    label : str
        The same for a column or a legend.
    section : str
        Of MLflow's chart page; metrics without one are not drawn there.
    unit : str
        ``%`` for a share, which is stored from 0 to 1 and shown in percent.
    higher_is_better : bool or None
        None where neither end is better.
    signed : bool
        Whether it can be negative, as a difference of shares can.
    headline : str
        Its column in the overview of a comparison; empty if it is not shown there.
    measure : function of an `Evaluation`, or None
    final : function of a cell's curves, by name (epochs + 1,) arrays; or None
    """

    name: str
    title: str
    label: str
    section: str = ""
    unit: str = "%"
    higher_is_better: bool | None = None
    signed: bool = False
    headline: str = ""
    measure: Callable[[Evaluation], float] | None = None
    final: Callable[[Mapping[str, NDArray]], float] | None = None

    @property
    def share(self) -> bool:
        """Whether it is a share, from 0 to 1."""
        return self.unit == "%"

    @property
    def scale(self) -> str:
        """The scale of its intervals, see `mlp.statistics.intervals.mean_interval`."""
        return "share" if self.share and not self.signed else "linear"

    def text(self, value: float, signed: bool = False) -> str:
        """A value as text without its unit, a share in percent; – where it is not defined."""
        if not np.isfinite(value):
            return "–"
        text = f"{100 * value:{'+' * signed}.2f}" if self.share else f"{value:{'+' * signed}.4g}"
        return text.replace("-", "−")


def share(hits: NDArray, among: NDArray) -> float:
    """Share of the rows `among` (n,) bool in which `hits` (n,) bool; NaN where there is no such row."""
    return float(hits[among].mean()) if among.any() else np.nan


def cost(answers: Evaluation) -> float:
    """Average cost of the examples."""
    return float(answers.costs.mean())


def accuracy(answers: Evaluation) -> float:
    """Share of the images that are answered with their label."""
    return float((answers.predicted == answers.labels).mean())


def accuracy_clean(answers: Evaluation) -> float:
    """The same among the images whose label is right."""
    return share(answers.predicted == answers.labels, ~answers.corrupted)


def accuracy_memorized(answers: Evaluation) -> float:
    """The same among the images whose label is wrong."""
    return share(answers.predicted == answers.labels, answers.corrupted)


def accuracy_resisted(answers: Evaluation) -> float:
    """Share of the images with a wrong label that are answered with the true one all the same."""
    return share(answers.predicted == answers.true, answers.corrupted)


def generalization_gap(curves: Mapping[str, NDArray]) -> float:
    """Training accuracy minus test accuracy, after the last epoch."""
    last = np.flatnonzero(np.isfinite(curves["train/accuracy"]))[-1]
    return float(curves["train/accuracy"][last] - curves["test/accuracy"][last])


def epochs_to_reach(curves: Mapping[str, NDArray], accuracy: float) -> float:
    """The first epoch with this training accuracy; NaN if there is none."""
    return float(epochs_to(curves["train/accuracy"], accuracy))


LEARNED, MEMORIZED, COST, NOISE = "What is learned", "What is memorized", "The cost falls", "Confidence on noise"

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("train/accuracy", "Training labels given back", "train", LEARNED,
               higher_is_better=True, headline="train", measure=accuracy),
        Metric("train/accuracy_clean", "Right training labels given back", "right labels", LEARNED,
               higher_is_better=True, measure=accuracy_clean),
        Metric("train/accuracy_memorized", "Wrong training labels given back", "memorized", MEMORIZED,
               headline="memorized", measure=accuracy_memorized),
        Metric("train/accuracy_resisted", "True digit given for a wrong label", "resisted", MEMORIZED,
               higher_is_better=True, measure=accuracy_resisted),
        Metric("test/accuracy", "Test images read correctly", "test", LEARNED,
               higher_is_better=True, headline="test", measure=accuracy),
        Metric("train/cost", "Cost on the training images", "training cost", COST,
               unit="", higher_is_better=False, measure=cost),
        Metric("test/cost", "Cost on the test images", "test cost", COST,
               unit="", higher_is_better=False, measure=cost),
        Metric("generalization_gap", "Training accuracy minus test accuracy", "gap", MEMORIZED,
               higher_is_better=False, signed=True, final=generalization_gap),
        *(
            Metric(f"epochs_to_{threshold}", f"Epochs to a training accuracy of {threshold:.0%}",
                   f"epochs to {threshold:.0%}", unit="epochs", higher_is_better=False,
                   final=partial(epochs_to_reach, accuracy=threshold))
            for threshold in (0.9, 0.99)
        ),
        *(
            Metric(f"noise/{kind}/{name}", f"{title}, {kind} noise", kind if name == "confidence" else name,
                   NOISE if name == "confidence" else "", unit,
                   headline="noise" if (kind, name) == ("uniform", "confidence") else "")
            for kind in NOISES
            for name, (title, unit) in MEASURES.items()
        ),
    )
}  # fmt: skip


def metric(name: str) -> Metric:
    """A row of the table; for a metric that somebody else logged, a row that says nothing but its name."""
    return METRICS.get(name) or Metric(name, name, name, unit="")


def curve_metrics() -> list[Metric]:
    """The metrics that are measured by epoch."""
    return [metric for metric in METRICS.values() if metric.measure]


def headlines() -> list[Metric]:
    """The metrics that the overview of a comparison shows."""
    return [metric for metric in METRICS.values() if metric.headline]


def measured(train: Evaluation, test: Evaluation) -> dict[str, float]:
    """The metrics of one epoch of one network."""
    sets = {"train": train, "test": test}
    return {row.name: row.measure(sets[row.name.split("/")[0]]) for row in curve_metrics() if row.measure}


def final_metrics(curves: Mapping[str, NDArray]) -> dict[str, float]:
    """The metrics that follow from a network's curves; NaN where one is not defined.

    Parameters
    ----------
    curves : mapping of name to (epochs + 1,)
        NaN after the end of a training that ended early.
    """
    return {row.name: row.final(curves) for row in METRICS.values() if row.final}
