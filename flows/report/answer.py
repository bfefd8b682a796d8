"""The answer of a comparison: three sentences made from its numbers."""

from dataclasses import dataclass

import numpy as np

from flows.report.compare import Comparison
from mlp.measures.metrics import metric
from mlp.statistics.differences import Differences
from mlp.statistics.intervals import FEWEST_SEEDS, Summary

# Shares of the wrong labels from which the sentence says that they are memorized in part, and memorized.
IN_PART, MOSTLY = 0.2, 0.5


def answer(comparison: Comparison) -> list[str]:
    """What was learned, what was memorized, and how confident the networks are on noise."""
    return [sentence for say in (learned, memorized, noise) if (sentence := say(comparison))]


@dataclass(frozen=True)
class Measure:
    """A share, in the groups that measured it."""

    comparison: Comparison
    name: str

    @property
    def over_seeds(self) -> Summary:
        return self.comparison.of(self.name)

    @property
    def versus(self) -> Differences | None:
        return self.comparison.differences.get(self.name)

    @property
    def places(self) -> list[int]:
        """The groups, by number."""
        return [int(place) for place in np.flatnonzero(self.over_seeds.seeds)]

    @property
    def compared(self) -> list[int]:
        """Those of them that have a baseline."""
        return [place for place in self.places if self.versus and self.comparison.baselines[place] is not None]

    @property
    def least(self) -> int:
        return min(self.places, key=self.mean)

    @property
    def most(self) -> int:
        return max(self.places, key=self.mean)

    @property
    def different(self) -> list[int]:
        """The groups that differ from their baseline."""
        return [place for place in self.compared if self.versus and self.versus.differs[place]]

    def mean(self, place: int) -> float:
        return float(self.over_seeds.mean[place])

    def text(self, place: int, of: str = "") -> str:
        """``94.24 % of the test images (none shuffled)``; without the group if there is only one."""
        return f"{metric(self.name).text(self.mean(place))} %{of}{self.where(place)}"

    def where(self, place: int) -> str:
        return f" ({self.comparison.title(place)})" if len(self.comparison.groups) > 1 else ""


def learned(comparison: Comparison) -> str:
    """On the accuracy on the test images."""
    measure = Measure(comparison, "test/accuracy")
    if not measure.places:
        return "The accuracy on the test images was not measured."
    if not measure.compared or measure.versus is None:
        first, over_seeds = measure.places[0], measure.over_seeds
        right = measure.text(first, " of the test images correctly")
        known = np.isfinite(over_seeds.low[first])
        return f"The networks read {right}{f' ({ends(over_seeds, first)})' if known else ''}."
    versus = measure.versus
    far = max(measure.compared, key=lambda place: float(np.nan_to_num(abs(versus.difference[place]))))
    base = comparison.baselines[far]
    assert base is not None
    start = f"The networks read {measure.text(base, ' of the test images correctly')}"
    if np.isnan(versus.low[far]):
        return (
            f"{start}, and {measure.text(far)}; with fewer than two seeds in common it is unknown whether this is more "
            "than chance."
        )
    if not measure.different:
        return (
            f"No group differs: {start[0].lower()}{start[1:]}, and the other groups differ from that by no more than "
            f"their seeds do from each other; the largest difference, {points(versus.difference[far])} "
            f"points{measure.where(far)}, may be chance ({ends(versus, far)})."
        )
    several = len(set(comparison.baselines)) > 2
    return (
        f"{start}, and {measure.text(far)}: a difference of {points(versus.difference[far])} points, seed by seed "
        f"({ends(versus, far)}).{count(len(measure.different), len(measure.compared), several)}"
    )


def count(different: int, compared: int, several: bool) -> str:
    """How many groups differ from the first group, or from several baselines."""
    if compared == 1:
        return ""
    baseline = "the group that shares all their other params" if several else "the first"
    if different == compared:
        every = "Both other groups differ" if different == 2 else f"All {different} other groups differ"
        return f" {every} from {baseline} by more than the seeds do from each other."
    differ = "differs" if different == 1 else "differ"
    return f" Of the {compared} other groups {different} {differ} from {baseline} by more than the seeds do."


def memorized(comparison: Comparison) -> str:
    """On the wrong training labels; without any, on the gap between training and test images."""
    wrong = Measure(comparison, "train/accuracy_memorized")
    if not wrong.places:
        gap = Measure(comparison, "generalization_gap")
        if not gap.places:
            return ""
        size = gap.mean(gap.most)
        return (
            f"No label was wrong; the networks read {points(abs(size))} points {'more' if size > 0 else 'fewer'} of "
            f"the training images than of the test images{gap.where(gap.most)}."
        )
    most = wrong.mean(wrong.most)
    how = "memorized" if most >= MOSTLY else "memorized in part" if most >= IN_PART else "hardly memorized"
    sentence = f"Wrong labels are {how}: {wrong.text(wrong.most, ' of them are given back')}"
    resisted = Measure(comparison, "train/accuracy_resisted")
    if resisted.places and resisted.mean(resisted.most) >= IN_PART:  # less may be chance
        sentence += f", while {resisted.text(resisted.most, ' of such images still get their true digit')}"
    return f"{sentence}."


def noise(comparison: Comparison) -> str:
    """On the largest activation for noise images, uniform ones if they were measured."""
    kinds = {name.split("/")[1] for name in comparison.metrics if name.startswith("noise/")}
    measures = [Measure(comparison, f"noise/{kind}/confidence") for kind in sorted(kinds, key=lambda k: k != "uniform")]
    measure = next((measure for measure in measures if measure.places), None)
    if measure is None:
        return ""
    sentence = f"Noise gets an answer too: the largest activation for {measure.name.split('/')[1]} noise averages "
    sentence += measure.text(measure.most)
    if measure.different:
        return f"{sentence}, and {measure.text(measure.least)}."
    return f"{sentence}, and no group differs in that." if len(measure.places) > 1 else f"{sentence}."


def ends(figures: Summary | Differences, place: int) -> str:
    """The interval of one group; of few seeds the lowest and the highest."""
    kind = "95 % interval" if figures.seeds[place] >= FEWEST_SEEDS else f"{figures.seeds[place]} seeds,"
    return f"{kind} {points(figures.low[place])} to {points(figures.high[place])}"


def points(share: float) -> str:
    """A share, or a difference of shares, in percent."""
    return f"{100 * share:.2f}".replace("-", "−")
