"""Numbers over seeds: means and their intervals, tests of one group against another, how many seeds are enough.

One convention for all arrays: **the first axis is the seeds**. Final figures are (seeds, groups), curves are
(seeds, steps) or (seeds, groups, steps), and a result has the axes that are left; `values.ravel()` pools groups.
A value that is not finite is a missing seed (not run, diverged) and is left out: the results say how many seeds stayed.

An interval of fewer than two seeds is NaN. Where all seeds agree it has width zero.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy  # scipy.stats, which takes most of a second, is imported when it is first used
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy import special

RESAMPLES = 9999
BATCH_NUMBERS = 2**22  # resampled numbers held at once: 32 MB


class Estimate(NamedTuple):
    """A figure over seeds and the ends of its confidence interval."""

    value: NDArray
    low: NDArray
    high: NDArray


@dataclass(frozen=True)
class Summary:
    """What the seeds of each group have in common; all arrays have the axes after the seeds.

    Attributes
    ----------
    seeds
        How many seeds have a value.
    mean, std, median, iqm
        The standard deviation has the divisor seeds - 1; the last is the `interquartile_mean`.
    low, high
        The `mean_interval`.
    """

    seeds: NDArray
    mean: NDArray
    std: NDArray
    median: NDArray
    iqm: NDArray
    low: NDArray
    high: NDArray


def summarize(values: ArrayLike, confidence: float = 0.95) -> Summary:
    """Mean, spread and interval of every group, or of every step of a curve.

    Parameters
    ----------
    values : (seeds, ...)
    """
    table, shape = _table(values)
    seeds = table.count().to_numpy()
    figures = (seeds, table.mean(), table.std(ddof=1), table.median(), interquartile_mean(table))
    seeds, mean, std, median, iqm = (np.asarray(figure).reshape(shape)[()] for figure in figures)
    return Summary(seeds, mean, std, median, iqm, *mean_interval(values, confidence)[1:])


def interquartile_mean(values: ArrayLike, axis: int = 0) -> NDArray:
    """Mean of the middle half: the lowest and the highest quarter, rounded down to whole seeds, are left out.

    Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (arXiv 2108.13264), as
    rliable computes it. A NaN is left out.
    """
    ordered = np.sort(np.moveaxis(np.asarray(values, dtype=np.float64), axis, 0), axis=0)  # NaN last
    seeds = np.isfinite(ordered).sum(axis=0)
    rank = np.arange(len(ordered)).reshape(-1, *[1] * seeds.ndim)
    middle = (rank >= seeds // 4) & (rank < seeds - seeds // 4)
    total = np.where(middle, ordered, 0).sum(axis=0)
    return np.where(seeds > 0, total / np.maximum(middle.sum(axis=0), 1), np.nan)[()]


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean and its interval by Student's t: mean -+ t(seeds - 1) std / sqrt(seeds).

    Exact for normal values, and the better choice for fewer than some 20 seeds, where the bootstrap is too narrow.

    Parameters
    ----------
    values : (seeds, ...)
    """
    _check_share("confidence", confidence)
    table, shape = _table(values)
    mean, seeds = table.mean(), table.count()
    half = special.stdtrit(seeds - 1, (1 + confidence) / 2) * table.sem(ddof=1)
    return Estimate(*(bound.to_numpy().reshape(shape)[()] for bound in (mean, mean - half, mean + half)))


def bootstrap_interval(
    values: ArrayLike, rng: Generator, statistic: Callable[..., ArrayLike] = np.mean, confidence: float = 0.95
) -> Estimate:
    """Any statistic over the seeds and its interval by the bootstrap, bias-corrected and accelerated (BCa).

    Parameters
    ----------
    values : (seeds, ...)
    statistic
        Called with an array and `axis`: `np.mean`, `np.median`, `interquartile_mean`, ...

    Notes
    -----
    Efron 1987, "Better Bootstrap Confidence Intervals", by `scipy.stats.bootstrap`. With few seeds it covers less than
    it says: 84 % instead of 95 % of normal means of 5 seeds, 90 % of 10, 92 % of 20. The interval is NaN too where BCa
    isn't defined: where no seed that is left out moves the statistic, as with the median of (1, 1, 1, 5).
    """
    _check_share("confidence", confidence)
    table, shape = _table(values)
    value, low, high = np.full((3, table.shape[1]), np.nan)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # All that can go wrong is a figure that isn't defined for so few or such seeds, and that is NaN.
        warnings.simplefilter("ignore", RuntimeWarning)
        for columns, sample in _complete(table.to_numpy()):
            value[columns] = statistic(sample, axis=0)
            if len(sample) < 2:
                continue
            low[columns] = high[columns] = value[columns]
            varies = np.ptp(sample, axis=0) > 0
            if varies.any():
                low[columns[varies]], high[columns[varies]] = scipy.stats.bootstrap(
                    (sample[:, varies],), statistic, axis=0, n_resamples=RESAMPLES, method="BCa",
                    batch=max(1, BATCH_NUMBERS // sample.size), confidence_level=confidence, rng=rng,
                ).confidence_interval  # fmt: skip
    return Estimate(*(bound.reshape(shape)[()] for bound in (value, low, high)))


@dataclass(frozen=True)
class Comparison:
    """Pairs of groups compared over the seeds that both have; every array is (pairs,).

    Attributes
    ----------
    seeds
        How many seeds both groups have.
    difference, low, high
        Mean of other minus baseline, seed by seed, and its interval by Student's t.
    p_value
        Of the sign-flip test, two-sided; NaN for fewer than two seeds. It can't be less than 2 / 2^seeds: five seeds
        never reach 0.05.
    p_adjusted
        The same after Holm's correction for the number of pairs.
    improvement
        Probability that a seed of other is larger than a seed of baseline, see `probability_of_improvement`.
    """

    seeds: NDArray
    difference: NDArray
    low: NDArray
    high: NDArray
    p_value: NDArray
    p_adjusted: NDArray
    improvement: NDArray


def compare(
    values: ArrayLike, pairs: Sequence[tuple[int, int]], rng: Generator, confidence: float = 0.95
) -> Comparison:
    """Compare groups that ran with the same seeds.

    Parameters
    ----------
    values : (seeds, groups)
    pairs : sequence of (baseline, other)
        Column numbers. Holm's correction is over these, so ask for no pair that you don't want to know of.
    rng
        Draws the sign flips where there are too many to try them all (14 seeds and more).
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"values: shape {table.shape} given; allowed: (seeds, groups)")
    firsts, seconds = np.asarray(pairs, dtype=int).reshape(-1, 2).T
    both = np.isfinite(table[:, firsts]) & np.isfinite(table[:, seconds])
    baseline, other = np.where(both, table[:, firsts], np.nan), np.where(both, table[:, seconds], np.nan)
    p_value = sign_flip_test(other - baseline, rng)
    return Comparison(
        both.sum(axis=0),
        *mean_interval(other - baseline, confidence),
        p_value,
        holm(p_value),
        probability_of_improvement(baseline, other),
    )


def sign_flip_test(differences: ArrayLike, rng: Generator) -> NDArray:
    """Two-sided p-values of paired differences: is their mean further from 0 than with random signs?

    Parameters
    ----------
    differences : (seeds, ...)

    Notes
    -----
    If the two groups didn't differ, each seed's difference could as well have had the other sign (Fisher's
    randomization test). `scipy.stats.permutation_test` tries all 2^seeds flips up to 13 seeds, 9,999 random ones above.
    """
    table, shape = _table(differences)
    p_values = np.full(table.shape[1], np.nan)
    for columns, sample in _complete(table.to_numpy()):
        if len(sample) >= 2:
            p_values[columns] = scipy.stats.permutation_test(
                (sample,), np.mean, permutation_type="samples", axis=0, n_resamples=RESAMPLES,
                batch=max(1, BATCH_NUMBERS // sample.size), rng=rng,
            ).pvalue  # fmt: skip
    return p_values.reshape(shape)[()]


def probability_of_improvement(baseline: ArrayLike, other: ArrayLike) -> NDArray:
    """P(other > baseline) over all pairs of a run of each, ties counted half: Mann and Whitney's U over its maximum.

    Parameters
    ----------
    baseline, other : (seeds, ...), (other seeds, ...)
        Larger is better; of costs take one minus the result.

    Notes
    -----
    Agarwal et al. 2021 (arXiv 2108.13264), section 4.3, for one task.
    """
    (first, shape), (second, _) = _table(baseline), _table(other)
    x, y = first.to_numpy()[:, None], second.to_numpy()[None]
    wins = (y > x).sum(axis=(0, 1)) + 0.5 * (y == x).sum(axis=(0, 1))
    contests = (first.count() * second.count()).to_numpy()
    return np.where(contests > 0, wins / np.maximum(contests, 1), np.nan).reshape(shape)[()]


def holm(p_values: ArrayLike) -> NDArray:
    """Adjust (tests,) p-values so that the chance of any false alarm among them stays below the level.

    The smallest is multiplied by the number of tests, the next by one less, and so on, never falling and at most 1
    (Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure"). A NaN stays NaN and is no test.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)  # NaN last
    tests = np.count_nonzero(~np.isnan(p))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * (tests - np.arange(p.size))), 1)
    return adjusted


def seeds_needed(std: ArrayLike, half_width: float, confidence: float = 0.95) -> NDArray:
    """The fewest seeds whose interval of the mean is no wider than +- `half_width`, if they spread like `std`.

    Parameters
    ----------
    std : (...)
        Standard deviation over seeds, of a trial run for instance.

    Returns
    -------
    (...) whole numbers, at least 2; NaN where `std` is.

    Notes
    -----
    The smallest n with t(n - 1) std / sqrt(n) <= half_width. The wanted width is met on average: a trial of few seeds
    knows its own `std` badly.
    """
    _check_share("confidence", confidence)
    if not half_width > 0:
        raise ValueError(f"half_width: {half_width} given; allowed: more than 0")
    std, level = np.asarray(std, dtype=np.float64), (1 + confidence) / 2
    # The normal quantile is below every t: counting up from its answer takes a few rounds.
    seeds = np.maximum(np.ceil((special.ndtri(level) * std / half_width) ** 2), 2)
    while (wide := special.stdtrit(seeds - 1, level) * std / np.sqrt(seeds) > half_width).any():
        seeds = seeds + wide
    return seeds[()]


def _table(values: ArrayLike) -> tuple[pd.DataFrame, tuple[int, ...]]:
    """Seeds by everything else, missing seeds as NaN, and the shape of everything else."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        raise ValueError(f"values: {values!r} given; allowed: an array with the seeds along its first axis")
    columns = np.where(np.isfinite(array), array, np.nan).reshape(len(array), int(np.prod(array.shape[1:])))
    return pd.DataFrame(columns), array.shape[1:]


def _complete(table: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    """Numbers of the columns that miss the same seeds, and those columns without them; for each set of seeds."""
    present = ~np.isnan(table)
    for seeds in np.unique(present, axis=1).T:
        columns = np.flatnonzero((present == seeds[:, None]).all(axis=0))
        if seeds.any():
            yield columns, table[np.ix_(seeds, columns)]


def _check_share(field: str, given: float) -> None:
    if not 0 < given < 1:
        raise ValueError(f"{field}: {given} given; allowed: between 0 and 1")
