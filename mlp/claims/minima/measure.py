"""Claims of Choromanska et al. 2014, "The Loss Surfaces of Multilayer Networks" (arXiv 1412.0233)."""

from typing import Any

import numpy as np

from mlp import figures
from mlp.claims.findings import Findings, Networks
from mlp.claims.minima.figure import correlations
from mlp.data.randomness import generator
from mlp.measures.landscape import correlation_difference, loss_correlation, loss_spread
from mlp.statistics.intervals import Estimate

PAPER_CORRELATIONS = {25: 0.7616, 50: 0.6861, 100: 0.5983, 250: 0.5302, 500: 0.4081}


def measure(nets: Networks) -> Findings:
    """Final losses over many seeds, for networks with one hidden layer of five widths; intervals by bootstrap."""
    widths = nets.values("width")
    train_loss, test_loss = (nets.over("width", metric).T for metric in ("train/cost", "test/cost"))
    rng = generator(0, "noise")
    spread, correlation = loss_spread(test_loss, rng), loss_correlation(train_loss, test_loss, rng)
    quantities: dict[str, Any] = {}
    for column, width in enumerate(widths):
        quantities[f"loss_{width}"] = test_loss[:, column]
        quantities[f"spread_{width}"] = Estimate(*(bound[column] for bound in spread))
        quantities[f"correlation_{width}"] = Estimate(*(bound[column] for bound in correlation))
    quantities |= {
        "spread_falls": float((np.diff(spread.value) < 0).sum()),
        "spread_shrinks": float(spread.value[0] / spread.value[-1]),
        "correlation_falls": correlation_difference(train_loss[:, [0, -1]], test_loss[:, [0, -1]], rng),
        "loss_spread_relative": float(spread.value[-1] / np.nanmean(test_loss[:, -1])),
    }
    pictures = {
        "losses": figures.loss_histograms({f"{width} neurons": test_loss[:, i] for i, width in enumerate(widths)}),
        "correlation": correlations(widths, correlation, PAPER_CORRELATIONS),
    }
    return Findings(quantities, pictures)
