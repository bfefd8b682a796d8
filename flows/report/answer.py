"""The answer of a comparison: sentences made from its numbers.

Each says what was measured at both ends, and then what the seeds allow to say: a difference that they do not tell from
chance is never called none.
"""

import numpy as np

from flows.report.compare import Comparison
from mlp.data.sets import CLASS_NAMES, NAMES
from mlp.measures.metrics import metric
from mlp.statistics.differences import Differences
from mlp.statistics.intervals import FEWEST_SEEDS, Summary

# Shares of the wrong labels from which the sentence says that they are memorized in part, and memorized.
IN_PART, MOSTLY = 0.2, 0.5
TEN_CLASSES = {*NAMES, *CLASS_NAMES}  # data sets of which an answer at random hits one label in ten


def answer(comparison: Comparison) -> list[str]:
    """Sentences on what was learned, what was memorized, and how confident the networks are on noise."""
    return [sentence for say in (learned, memorized, noise) if (sentence := say(comparison))]


class Measure:
    """A share, in the groups that measured it.

    Attributes
    ----------
    groups, compared : list of int
        The numbers of these groups, and of those among them that have a baseline.
    """

    def __init__(self, comparison: Comparison, name: str) -> None:
        self.comparison, self.name = comparison, name
        self.over_seeds, self.versus = comparison.of(name), comparison.differences.get(name)
        self.groups: list[int] = np.flatnonzero(self.over_seeds.seeds).tolist()
        bases = comparison.baselines if self.versus else [None] * len(comparison.groups)
        self.compared = [group for group in self.groups if bases[group] is not None]

    @property
    def least(self) -> int:
        return min(self.groups, key=self.mean)

    @property
    def most(self) -> int:
        return max(self.groups, key=self.mean)

    def mean(self, group: int) -> float:
        return float(self.over_seeds.mean[group])

    def text(self, group: int, of: str = "") -> str:
        """``94.24 % of the test images (none shuffled)``; without the group if there is only one."""
        return f"{metric(self.name).text(self.mean(group))} %{of}{self.where(group)}"

    def where(self, group: int) -> str:
        return f" ({self.comparison.title(group)})" if len(self.comparison.groups) > 1 else ""


def learned(comparison: Comparison) -> str:
    """Sentence on the accuracy on the test images."""
    measure = Measure(comparison, "test/accuracy")
    if not measure.groups:
        return "The accuracy on the test images was not measured."
    if not measure.compared or measure.versus is None:
        first, over_seeds = measure.groups[0], measure.over_seeds
        right = measure.text(first, " of the test images correctly")
        interval = f" ({ends(over_seeds, first)})" if np.isfinite(over_seeds.low[first]) else ""
        return f"The networks read {right}{interval}."
    versus = measure.versus
    far = max(measure.compared, key=lambda group: float(np.nan_to_num(abs(versus.difference[group]))))
    base = comparison.baselines[far]
    assert base is not None
    both = f"The networks read {measure.text(base, ' of the test images correctly')}, and {measure.text(far)}"
    if np.isfinite(versus.low[far]):
        both += f": a difference of {points(versus.difference[far])} points, seed by seed ({ends(versus, far)})"
    return f"{both}. {told(measure)}"


def told(measure: Measure) -> str:
    """Say what the seeds tell of the differences from the baselines."""
    versus, bases = measure.versus, measure.comparison.baselines
    assert versus
    if not any(np.isfinite(versus.low[group]) for group in measure.compared):
        return "With fewer than two seeds in common it is unknown whether this is more than chance."
    compared, different = len(measure.compared), int(versus.differs[measure.compared].sum())
    if compared == 1:
        return "The seeds differ by less." if different else "These seeds do not tell it from chance."
    several, first = len(set(bases)) > 2, bases[measure.compared[0]] == 0
    base = "the group that shares all their other params" if several else "the first" if first else "the baseline"
    if not different:
        return f"These seeds tell none of the {compared} other groups from {base}."
    if different == compared:
        every = "Both" if compared == 2 else f"All {compared}"
        return f"{every} other groups differ from {base} by more than the seeds do from each other."
    which = f"Of the {compared} other groups {different} {'differs' if different == 1 else 'differ'} from {base}"
    others = "the other" if compared - different == 1 else f"the other {compared - different}"
    return f"{which} by more than the seeds do; these seeds do not tell {others} from it."


def memorized(comparison: Comparison) -> str:
    """Sentences on the wrong training labels; without any, on the gap between training and test images."""
    wrong = Measure(comparison, "train/accuracy_memorized")
    if not wrong.groups:
        gap = Measure(comparison, "generalization_gap")
        if not gap.groups:
            return ""
        start = "The networks" if (comparison.cells["fraction"] > 0).any() else "No label was wrong; the networks"
        largest, *smallest = (
            f"{points(abs(gap.mean(group)))} points {'fewer' if gap.mean(group) < 0 else 'more'}"
            for group in dict.fromkeys([gap.most, gap.least])
        )
        sentence = f"{start} read {largest} of the training images than of the test images{gap.where(gap.most)}"
        return "".join([sentence, *(f", and {text}{gap.where(gap.least)}" for text in smallest), "."])
    most = wrong.mean(wrong.most)
    how = "memorized" if most >= MOSTLY else "memorized in part" if most >= IN_PART else "hardly memorized"
    sentence = f"Wrong labels are {how}: {wrong.text(wrong.most, ' of them are given back')}"
    if len(wrong.groups) > 1:
        sentence += f", and {wrong.text(wrong.least)}"
    resisted = Measure(comparison, "train/accuracy_resisted")
    if resisted.groups and resisted.mean(resisted.most) >= IN_PART:  # less may be chance
        sentence += f", while {resisted.text(resisted.most, ' of such images still get their true digit')}"
    chance = " Answers at random give back 10 %." if set(comparison.cells["data"]) <= TEN_CLASSES else ""
    return f"{sentence}.{chance}"


def noise(comparison: Comparison) -> str:
    """Sentences on the largest activation for noise images, uniform ones if they were measured."""
    kinds = {name.split("/")[1] for name in comparison.metrics if name.startswith("noise/")}
    measures = [Measure(comparison, f"noise/{kind}/confidence") for kind in sorted(kinds, key=lambda k: k != "uniform")]
    measure = next((measure for measure in measures if measure.groups), None)
    if measure is None:
        return ""
    sentence = f"Noise gets an answer too: the largest activation for {measure.name.split('/')[1]} noise averages "
    sentence += measure.text(measure.most)
    if len(measure.groups) > 1:
        sentence += f", and {measure.text(measure.least)}"
    return f"{sentence}. {told(measure)}" if measure.compared else f"{sentence}."


def ends(figures: Summary | Differences, group: int) -> str:
    """The interval of one group; of few seeds the lowest and the highest."""
    kind = "95 % interval" if figures.seeds[group] >= FEWEST_SEEDS else f"{figures.seeds[group]} seeds,"
    return f"{kind} {points(figures.low[group])} to {points(figures.high[group])}"


def points(share: float) -> str:
    """A share, or a difference of shares, in percent."""
    return f"{100 * share:.2f}".replace("-", "−")
