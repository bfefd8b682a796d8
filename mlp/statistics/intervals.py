"""Numbers over seeds: means and spreads with their intervals.

One convention for all arrays: **the first axis is the seeds**. Final values are (seeds, groups), curves are
(seeds, steps) or (seeds, groups, steps), and a result has the remaining axes. A value that is not finite is a missing
seed (not run, or diverged): it is left out, and the results say how many seeds remain.

The interval of fewer than two seeds is NaN. It has zero width where all seeds agree. Fewer than `FEWEST_SEEDS` seeds
say too little of their spread for an interval of 95 %: they are given as points instead, and the ends of the interval
are the lowest and the highest seed.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy  # loads scipy.stats, which takes most of a second, on first use
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy import special

FEWEST_SEEDS = 5  # for an interval of a mean
POSSIBLE = {"linear": "any", "share": "0 to 1", "ratio": "0 or more", "correlation": "-1 to 1"}
SCALES = tuple(POSSIBLE)
ROUNDING = 1e-9  # by which a share may exceed 1
RESAMPLES = 9999
BATCH_NUMBERS = 2**22  # resampled numbers in memory at once: 32 MB


class Estimate(NamedTuple):
    """A statistic over seeds and the ends of its confidence interval."""

    value: NDArray
    low: NDArray
    high: NDArray


@dataclass(frozen=True)
class Summary:
    """Statistics of each group over its seeds; all arrays have the axes of the values without the seeds.

    Attributes
    ----------
    seeds
        Number of seeds that have a value.
    mean, std, median, iqm
        The standard deviation has the divisor seeds - 1; iqm is the `interquartile_mean`.
    low, high
        Ends of the 95 % `mean_interval`; of fewer than five seeds the lowest and the highest.
    """

    seeds: NDArray
    mean: NDArray
    std: NDArray
    median: NDArray
    iqm: NDArray
    low: NDArray
    high: NDArray


def summarize(values: ArrayLike, scale: ArrayLike = "linear") -> Summary:
    """Mean, spread and interval of every group, or of every step of a curve.

    Parameters
    ----------
    values : (seeds, ...)
    scale : str, or array of str that is broadcast to the axes after the seeds
        See `mean_interval`.

    Raises
    ------
    ValueError
        If the values are a single number.
    """
    table, shape = as_table(values)
    seeds = table.count().to_numpy()
    statistics = (seeds, table.mean(), table.std(ddof=1), table.median(), interquartile_mean(table))
    seeds, mean, std, median, iqm = (np.asarray(statistic).reshape(shape)[()] for statistic in statistics)
    return Summary(seeds, mean, std, median, iqm, *mean_interval(values, scale)[1:])


def interquartile_mean(values: ArrayLike, axis: int = 0) -> NDArray:
    """Mean of the middle half: without the lowest and the highest quarter, rounded down to whole seeds.

    Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (arXiv 2108.13264), as
    rliable computes it. NaN values are left out.
    """
    ordered = np.sort(np.moveaxis(np.asarray(values, dtype=np.float64), axis, 0), axis=0)  # NaN last
    seeds = np.isfinite(ordered).sum(axis=0)
    rank = np.arange(len(ordered)).reshape(-1, *[1] * seeds.ndim)
    middle = (rank >= seeds // 4) & (rank < seeds - seeds // 4)
    total = np.where(middle, ordered, 0).sum(axis=0)
    return np.where(seeds > 0, total / np.maximum(middle.sum(axis=0), 1), np.nan)[()]


def student_interval(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean and its interval by Student's t, for any number of seeds: mean ± t(seeds - 1) std / sqrt(seeds).

    Exact for normal values, and the better choice below about 20 seeds, where the bootstrap interval is too narrow.

    Parameters
    ----------
    values : (seeds, ...)
    confidence : float in (0, 1)

    Raises
    ------
    ValueError
        If the values are a single number, or the confidence is out of range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: {confidence} given; allowed: between 0 and 1")
    table, shape = as_table(values)
    mean, seeds = table.mean(), table.count()
    half = special.stdtrit(seeds - 1, (1 + confidence) / 2) * table.sem(ddof=1)
    return Estimate(*(bound.to_numpy().reshape(shape)[()] for bound in (mean, mean - half, mean + half)))


def mean_interval(values: ArrayLike, scale: ArrayLike = "linear") -> Estimate:
    """Mean and its 95 % interval by Student's t, on a scale on which it can't leave the possible values.

    Below five seeds the ends are the lowest and the highest value.

    Parameters
    ----------
    values : (seeds, ...)
    scale : one of `SCALES`, or an array of them that is broadcast to the axes after the seeds
        ``share``: values from 0 to 1; the interval is symmetric in the logit of the mean. ``ratio``: values above 0;
        it is symmetric in the logarithm. ``correlation``: values from -1 to 1; it is symmetric in Fisher's z.

    Raises
    ------
    ValueError
        If the values are a single number, a scale is unknown, or a value is impossible on its scale.

    Notes
    -----
    The delta method: the standard error of f(mean) is |f'(mean)| times that of the mean, and the ends of the interval
    of f(mean) are transformed back. For shares it is the logit interval of the survey literature (R's ``svyciprop``,
    Stata's ``proportion``). Unlike a mean of logits it allows seeds at 0 and 1.
    """
    table, shape = as_table(values)
    scales = np.broadcast_to(scale, shape).ravel()
    if unknown := set(scales.tolist()) - set(SCALES):
        raise ValueError(f"scale: {min(unknown)!r} given; allowed: {', '.join(SCALES)}")
    # Fisher's z is half the logit of (1 + r) / 2: correlations are treated as these shares.
    stretch = np.where(scales == "correlation", 2, 1)
    in_unit = (table + stretch - 1) / stretch
    lowest, highest = in_unit.min().to_numpy(), in_unit.max().to_numpy()
    bounded = (scales == "share") | (scales == "correlation")
    largest = np.where(bounded, 1 + ROUNDING, np.inf)
    if (impossible := (scales != "linear") & ((lowest < -ROUNDING) | (highest > largest))).any():
        kind = scales[impossible][0]
        ends = f"{table.min()[impossible].iloc[0]:g} to {table.max()[impossible].iloc[0]:g}"
        raise ValueError(f"values: {ends} given for a {kind}; allowed: {POSSIBLE[kind]}")
    value, low, high = (np.ravel(bound) for bound in student_interval(in_unit.to_numpy()))
    half, mean = high - value, np.where(scales == "linear", value, np.clip(value, 0, largest - ROUNDING))
    with np.errstate(all="ignore"):  # where the mean is 0 or 1 all seeds agree, and the width is zero
        logit, in_logits, in_logs = special.logit(mean), half / (mean * (1 - mean)), half / mean
        ends_of_shares = special.expit(logit - in_logits), special.expit(logit + in_logits)
        ends_of_ratios = mean * np.exp(-in_logs), mean * np.exp(in_logs)
    few = (table.count().to_numpy() < FEWEST_SEEDS) & np.isfinite(half)
    for chosen, (new_low, new_high) in (
        (bounded & (half > 0), ends_of_shares),
        ((scales == "ratio") & (half > 0), ends_of_ratios),
        (few, (lowest, highest)),
    ):
        low, high = np.where(chosen, new_low, low), np.where(chosen, new_high, high)
    low, high = low * stretch - stretch + 1, high * stretch - stretch + 1
    return Estimate(*(bound.reshape(shape)[()] for bound in (table.mean().to_numpy(), low, high)))


def sampling_error(share: float, count: int) -> float:
    """Half of the width of Wilson's 95 % interval of a share that was counted in `count` examples.

    How far the accuracy on one sample of test images may be from that on all such images, whatever the seeds: 0.36
    points at 96.4 % of 10,000. It is common to all networks that are tested on the same images, and therefore hardly
    matters for the difference between them.
    """
    z = float(special.ndtri(0.975))
    return z * float(np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))) / (1 + z**2 / count)


def bootstrap_interval(values: ArrayLike, rng: Generator, statistic: Callable[..., ArrayLike] = np.mean) -> Estimate:
    """Any statistic over the seeds and its 95 % interval by the bias-corrected and accelerated bootstrap (BCa).

    Parameters
    ----------
    values : (seeds, ...)
    rng : Generator
        Draws the resamples.
    statistic : callable
        Takes an array and `axis`: `np.mean`, `np.median`, `interquartile_mean`, ...

    Raises
    ------
    ValueError
        If the values are a single number.

    Notes
    -----
    Efron 1987, "Better Bootstrap Confidence Intervals", computed by `scipy.stats.bootstrap`. With few seeds the
    coverage is too low: for normal means, 84 % instead of 95 % with 5 seeds, 90 % with 10, 92 % with 20. The interval
    is also NaN where BCa isn't defined because leaving out any one seed does not change the statistic, as with the
    median of (1, 1, 1, 5).
    """
    table, shape = as_table(values)
    value, low, high = np.full((3, table.shape[1]), np.nan)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # The only failure is a statistic that isn't defined for these seeds; it is NaN.
        warnings.simplefilter("ignore", RuntimeWarning)
        for columns, sample in complete(table.to_numpy()):
            value[columns] = statistic(sample, axis=0)
            if len(sample) < 2:
                continue
            low[columns] = high[columns] = value[columns]
            varies = np.ptp(sample, axis=0) > 0
            if varies.any():
                low[columns[varies]], high[columns[varies]] = scipy.stats.bootstrap(
                    (sample[:, varies],), statistic, axis=0, n_resamples=RESAMPLES, method="BCa",
                    batch=max(1, BATCH_NUMBERS // sample.size), rng=rng,
                ).confidence_interval  # fmt: skip
    return Estimate(*(bound.reshape(shape)[()] for bound in (value, low, high)))


def as_table(values: ArrayLike) -> tuple[pd.DataFrame, tuple[int, ...]]:
    """Values as a table (seeds, everything else) with NaN for missing seeds, and the shape of everything else."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        raise ValueError(f"values: {values!r} given; allowed: an array with the seeds along its first axis")
    columns = np.where(np.isfinite(array), array, np.nan).reshape(len(array), int(np.prod(array.shape[1:])))
    return pd.DataFrame(columns), array.shape[1:]


def complete(table: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    """For each set of present seeds: the numbers of the columns that have it, and those columns without the rest."""
    present = ~np.isnan(table)
    for seeds in np.unique(present, axis=1).T:
        columns = np.flatnonzero((present == seeds[:, None]).all(axis=0))
        if seeds.any():
            yield columns, table[np.ix_(seeds, columns)]
