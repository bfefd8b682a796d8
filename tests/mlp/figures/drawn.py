"""What to draw, and what a figure then says."""

import numpy as np
from matplotlib.figure import Figure

SEEDS, EPOCHS = 5, 20


def rng():
    return np.random.default_rng(0)


def falling(rate: float) -> np.ndarray:
    """Curves of a cost, (SEEDS, EPOCHS + 1)."""
    return np.exp(-rate * np.arange(EPOCHS + 1)) + 0.02 * rng().random((SEEDS, 1))


def labels(figure: Figure) -> set[str]:
    """All axis labels, titles and legend entries of a figure."""
    texts = set()
    for axes in figure.axes:
        texts |= {axes.get_xlabel(), axes.get_ylabel(), axes.get_title()}
        if legend := axes.get_legend():
            texts |= {text.get_text() for text in legend.get_texts()}
    return texts
