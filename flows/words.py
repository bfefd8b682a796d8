"""What a comparison says, in sentences that are made from its numbers."""

from dataclasses import dataclass

from flows.compare import Comparison
from flows.tables import value

# Shares of the wrong labels from which a network is said to have memorized them in part, and altogether.
IN_PART, MOSTLY = 0.2, 0.5


def answer(comparison: Comparison) -> list[str]:
    """Three sentences: what was learned, what was memorized, and how sure the networks are of noise."""
    return [sentence for say in (learned, memorized, noise) if (sentence := say(comparison))]


@dataclass(frozen=True)
class Measure:
    """A share that was measured, in the groups that have it."""

    comparison: Comparison
    metric: str

    @property
    def places(self) -> list[int]:
        return [place for place, group in enumerate(self.comparison.groups) if self.metric in group]

    @property
    def least(self) -> int:
        return min(self.places, key=self.mean)

    @property
    def most(self) -> int:
        return max(self.places, key=self.mean)

    def figures(self, place: int) -> dict:
        return self.comparison.groups[place][self.metric]

    def mean(self, place: int) -> float:
        return self.figures(place)["mean"]

    def differs(self, place: int) -> bool:
        return self.figures(place).get("versus", {}).get("differs", False)

    def text(self, place: int, of: str = "") -> str:
        """``94.24 % of the test images at fraction=0``; without the place if there is one group."""
        return f"{value(self.metric, self.mean(place))} %{of}{self.where(place)}"

    def where(self, place: int) -> str:
        return f" at {self.comparison.label(place)}" if len(self.comparison.groups) > 1 else ""


def learned(comparison: Comparison) -> str:
    """On the accuracy on the test images."""
    measure = Measure(comparison, "test/accuracy")
    if not measure.places:
        return "The accuracy on the test images was not measured."
    compared = [place for place in measure.places if "versus" in measure.figures(place)]
    if not compared:
        first = measure.figures(measure.places[0])
        right = measure.text(measure.places[0], " of the test images correctly")
        return f"The networks read {right}{'' if first['low'] is None else f' ({ends(first)})'}."
    far = max(compared, key=lambda place: abs(measure.figures(place)["versus"]["difference"] or 0))
    versus = measure.figures(far)["versus"]
    base = comparison.baselines[far]
    assert base is not None
    start = f"The networks read {measure.text(base, ' of the test images correctly')}"
    if versus["low"] is None:
        return (
            f"{start}, and {measure.text(far)}; with fewer than two seeds in common there is no telling if that is "
            "more than chance."
        )
    different = sum(map(measure.differs, compared))
    if not different:
        return (
            f"Nothing differs: {start[0].lower()}{start[1:]}, and no other group is further from that than its seeds "
            f"are from each other; the largest difference, {points(versus['difference'])} points{measure.where(far)}, "
            f"may well be none ({ends(versus)})."
        )
    return (
        f"{start}, and {measure.text(far)}: a difference of {points(versus['difference'])} points, seed by seed "
        f"({ends(versus)}).{count(different, len(compared), len(set(comparison.baselines)) > 2)}"
    )


def count(different: int, compared: int, several: bool) -> str:
    """How many groups differ; from several baselines, or from the one that all are compared with."""
    if compared == 1:
        return ""
    baseline = "the group that is like them in all else" if several else "the first"
    if different == compared:
        every = "Both other groups differ" if different == 2 else f"All {different} other groups differ"
        return f" {every} from {baseline} by more than the seeds do from each other."
    differ = "differs" if different == 1 else "differ"
    return f" Of the {compared} other groups {different} {differ} from {baseline} by more than the seeds do."


def memorized(comparison: Comparison) -> str:
    """On the training labels that were wrong; where there are none, on the gap between training and test images."""
    learnt = Measure(comparison, "train/accuracy_memorized")
    if not learnt.places:
        gap = Measure(comparison, "generalization_gap")
        if not gap.places:
            return ""
        size, over = gap.mean(gap.most), "more" if gap.mean(gap.most) > 0 else "less"
        return (
            f"No label was wrong; of the training images they read {points(abs(size))} points {over} than of the test "
            f"images{gap.where(gap.most)}."
        )
    most = learnt.mean(learnt.most)
    how = "memorized" if most >= MOSTLY else "memorized in part" if most >= IN_PART else "hardly memorized"
    told = f"They {how}: {learnt.text(learnt.most, ' of the wrong training labels come back')}"
    resisted = Measure(comparison, "train/accuracy_resisted")
    if resisted.places:
        told += f", while {resisted.text(resisted.most, ' of such images get their right digit all the same')}"
    return f"{told}."


def noise(comparison: Comparison) -> str:
    """On the largest activation that images of nothing get."""
    kinds = {name.split("/")[1] for group in comparison.groups for name in group if name.startswith("noise/")}
    measures = [Measure(comparison, f"noise/{kind}/confidence") for kind in sorted(kinds, key=lambda k: k != "uniform")]
    measure = next((measure for measure in measures if measure.places), None)
    if measure is None:
        return ""
    kind = measure.metric.split("/")[1]
    told = f"An image of nothing gets an answer too: the largest activation for {kind} noise averages "
    told += measure.text(measure.most)
    if any(map(measure.differs, measure.places)):
        return f"{told}, and {measure.text(measure.least)}."
    return f"{told}, and no group differs in that." if len(measure.places) > 1 else f"{told}."


def ends(figures: dict) -> str:
    return f"95 % interval {points(figures['low'])} to {points(figures['high'])}"


def points(figure: float) -> str:
    """A share, or a difference of shares, in percent."""
    return f"{100 * figure:.2f}".replace("-", "−")
