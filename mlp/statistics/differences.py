"""Groups compared over the seeds that both have: differences, and tests of them.

The conventions for arrays are those of `mlp.statistics.intervals`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # loads scipy.stats, which takes most of a second, on first use
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from mlp.statistics.intervals import BATCH_NUMBERS, RESAMPLES, as_table, complete, mean_interval, student_interval


@dataclass(frozen=True)
class Differences:
    """Pairs of groups compared over the seeds that both have; every array is (pairs,).

    Attributes
    ----------
    seeds
        Number of seeds that both groups have.
    difference, low, high
        Mean of other minus baseline, seed by seed, and its 95 % `mean_interval`; of fewer than five seeds the lowest
        and the highest difference.
    p_value
        Of the two-sided sign-flip test; NaN for fewer than two seeds. It is at least 2 / 2^seeds: five seeds never
        reach 0.05.
    p_adjusted
        The p-value after Holm's correction for the number of pairs.
    improvement
        Probability that a seed of other is better than a seed of baseline, see `probability_of_improvement`.
    differs : bool
        Whether Student's interval of the difference, widened for the number of pairs (Bonferroni), excludes 0. Unlike
        the sign-flip test this can find a difference with five seeds or fewer.
    """

    seeds: NDArray
    difference: NDArray
    low: NDArray
    high: NDArray
    p_value: NDArray
    p_adjusted: NDArray
    improvement: NDArray
    differs: NDArray


def paired_differences(
    values: ArrayLike, pairs: Sequence[tuple[int, int]], rng: Generator, higher_is_better: bool = True
) -> Differences:
    """Compare groups that ran with the same seeds.

    Parameters
    ----------
    values : (seeds, groups)
    pairs : sequence of (baseline, other)
        Column numbers. Holm's correction counts all of them, so pass only the pairs of interest.
    rng : Generator
        Draws the sign flips if there are too many to try all of them (14 seeds and more).
    higher_is_better : bool
        Decides what an improvement is.

    Raises
    ------
    ValueError
        If the values are no table.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"values: shape {table.shape} given; allowed: (seeds, groups)")
    firsts, seconds = np.asarray(pairs, dtype=int).reshape(-1, 2).T
    both = np.isfinite(table[:, firsts]) & np.isfinite(table[:, seconds])
    baseline, other = np.where(both, table[:, firsts], np.nan), np.where(both, table[:, seconds], np.nan)
    p_value = sign_flip_test(other - baseline, rng)
    _, low, high = student_interval(other - baseline, 1 - 0.05 / max(len(pairs), 1))
    larger = probability_of_improvement(baseline, other)
    return Differences(
        both.sum(axis=0),
        *mean_interval(other - baseline),
        p_value,
        holm(p_value),
        larger if higher_is_better else 1 - larger,
        (low > 0) | (high < 0),
    )


def sign_flip_test(differences: ArrayLike, rng: Generator) -> NDArray:
    """Two-sided p-values of paired differences: is their mean further from 0 than with random signs?

    Parameters
    ----------
    differences : (seeds, ...)
    rng : Generator

    Notes
    -----
    Fisher's randomization test: if the groups don't differ, each seed's difference is as likely to have the other sign.
    `scipy.stats.permutation_test` tries all 2^seeds sign patterns up to 13 seeds, and 9,999 random ones above.
    """
    table, shape = as_table(differences)
    p_values = np.full(table.shape[1], np.nan)
    for columns, sample in complete(table.to_numpy()):
        if len(sample) >= 2:
            p_values[columns] = scipy.stats.permutation_test(
                (sample,), np.mean, permutation_type="samples", axis=0, n_resamples=RESAMPLES,
                batch=max(1, BATCH_NUMBERS // sample.size), rng=rng,
            ).pvalue  # fmt: skip
    return p_values.reshape(shape)[()]


def probability_of_improvement(baseline: ArrayLike, other: ArrayLike) -> NDArray:
    """P(other > baseline) over all pairs of seeds, with ties counted half: Mann and Whitney's U over its maximum.

    Parameters
    ----------
    baseline, other : (seeds, ...), (other seeds, ...)
        Larger is better; for costs take one minus the result.

    Notes
    -----
    Agarwal et al. 2021 (arXiv 2108.13264), section 4.3, for one task.
    """
    (first, shape), (second, _) = as_table(baseline), as_table(other)
    x, y = first.to_numpy()[:, None], second.to_numpy()[None]
    wins = (y > x).sum(axis=(0, 1)) + 0.5 * (y == x).sum(axis=(0, 1))
    pairs = (first.count() * second.count()).to_numpy()
    return np.where(pairs > 0, wins / np.maximum(pairs, 1), np.nan).reshape(shape)[()]


def holm(p_values: ArrayLike) -> NDArray:
    """Adjust (tests,) p-values so that the probability of any false positive stays below the level.

    The smallest is multiplied by the number of tests, the next by one less, and so on; the results never decrease and
    are at most 1 (Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure"). NaN does not count as a test.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)  # NaN last
    tests = np.count_nonzero(~np.isnan(p))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * (tests - np.arange(p.size))), 1)
    return adjusted
