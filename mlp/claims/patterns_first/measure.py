"""The best test accuracy comes before wrong labels are memorized (Arpit et al. 2017, arXiv 1706.05394, figure 7)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Networks, TrainedNetwork, rank_correlation
from mlp.measures.memorization import epochs_to


def measure(nets: Networks) -> Findings:
    """Figure 7: the test accuracy by epoch, with wrong labels, has its peak before these labels are memorized."""
    fractions = nets.values("fraction")

    def peak(net: TrainedNetwork) -> int:
        return int(net.curve("test/accuracy").argmax())

    def lost(net: TrainedNetwork) -> float:
        return net.curve("test/accuracy").max() - net.final("test/accuracy")

    def memorized(net: TrainedNetwork) -> NDArray:
        return net.curve("train/accuracy_memorized")

    wrong = Networks(net for net in nets if net.fraction > 0)
    losses = nets.over("fraction", lost)
    quantities: dict[str, Any] = {
        "before": float(wrong.each(lambda net: not epochs_to(memorized(net), 0.5) <= peak(net)).mean()),
        "memorized_at_peak": np.max(wrong.over("fraction", lambda net: memorized(net)[peak(net)]), axis=0),
        "memorized_at_end": wrong.lowest("train/accuracy_memorized"),
        "lost_with_p": rank_correlation(fractions, losses),
        "lost_true": losses[0],
        "lost_least": losses[1:].min(axis=0),
    }
    for p, of_seeds in zip(fractions, losses, strict=True):
        quantities |= {
            f"peak_{p:g}": nets.over_seeds(peak, fraction=p),
            f"best_{p:g}": nets.over_seeds(lambda net: net.curve("test/accuracy").max(), fraction=p),
            f"lost_{p:g}": of_seeds,
        }
    test = {f"{p:.0%}": nets.curves("test/accuracy", fraction=p) for p in fractions}
    given_back = {f"{p:.0%}": nets.curves("train/accuracy_memorized", fraction=p) for p in wrong.values("fraction")}
    return Findings(quantities, {"peak": figures.early_stopping(test, given_back)})
