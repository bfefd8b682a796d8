"""The best test accuracy comes before wrong labels are memorized (Arpit et al. 2017, arXiv 1706.05394, figure 7)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import (
    Findings,
    TrainedNetwork,
    curves_over_seeds,
    lowest_final,
    over_seeds,
    rank_correlation,
    values_of,
)
from mlp.measures.memorization import (
    epochs_to,
)


def measure(nets: list[TrainedNetwork]) -> Findings:
    """Figure 7: the test accuracy by epoch, with wrong labels, has its peak before these labels are memorized."""
    fractions = values_of(nets, "fraction")

    def peak(net: TrainedNetwork) -> int:
        return int(net.curve("test/accuracy").argmax())

    def lost(net: TrainedNetwork) -> float:
        return net.curve("test/accuracy").max() - net.final("test/accuracy")

    def memorized(net: TrainedNetwork) -> NDArray:
        return net.curve("train/accuracy_memorized")

    wrong = [net for net in nets if net.fraction > 0]
    losses = np.array([over_seeds(nets, lost, fraction=p) for p in fractions])
    quantities: dict[str, Any] = {
        "before": float(np.mean([not epochs_to(memorized(net), 0.5) <= peak(net) for net in wrong])),
        "memorized_at_peak": np.max([over_seeds(wrong, lambda net: memorized(net)[peak(net)], fraction=p)
                                     for p in fractions if p > 0], axis=0),
        "memorized_at_end": lowest_final(wrong, "train/accuracy_memorized"),
        "lost_with_p": rank_correlation(fractions, losses),
        "lost_true": losses[0],
        "lost_least": losses[1:].min(axis=0),
    }  # fmt: skip
    for p, of_seeds in zip(fractions, losses, strict=True):
        quantities |= {
            f"peak_{p:g}": over_seeds(nets, peak, fraction=p),
            f"best_{p:g}": over_seeds(nets, lambda net: net.curve("test/accuracy").max(), fraction=p),
            f"lost_{p:g}": of_seeds,
        }
    curves = {
        metric: {f"{p:.0%}": curves_over_seeds(nets, metric, fraction=p) for p in fractions if p > 0 or of_all}
        for metric, of_all in (("test/accuracy", True), ("train/accuracy_memorized", False))
    }
    return Findings(quantities, {"peak": figures.early_stopping(*curves.values())})
