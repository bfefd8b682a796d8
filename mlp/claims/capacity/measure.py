"""Epochs to fit, against width and number of images (Arpit et al. 2017, arXiv 1706.05394, figure 6)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import (
    Findings,
    TrainedNetwork,
    censored_epochs,
    epochs_to_fit,
    over_seeds,
    select,
    values_of,
)

EARLIER_MOST = 5_000  # training images, of the earlier set-up of `capacity`


def measure(width: list[TrainedNetwork], rows: list[TrainedNetwork]) -> Findings:
    """Figure 6: epochs to fit real images and noise, against the network's width and the number of images.

    A network that has not fitted its images by its last epoch is censored: it counts with that epoch, so that what
    grows on noise is given by its lower bound.
    """
    kinds = {"real": "true", "noise": "gaussian"}

    def epochs(nets: list[TrainedNetwork], attribute: str) -> dict[str, NDArray]:
        return {
            name: np.array([over_seeds(nets, censored_epochs, inputs=kind, **{attribute: value})
                            for value in values_of(nets, attribute)])
            for name, kind in kinds.items()
        }  # fmt: skip

    sizes = values_of(rows, "rows")
    by_width, by_rows = epochs(width, "width"), epochs(rows, "rows")
    growth = {name: table[-1] / table[0] for name, table in by_rows.items()}
    exponents = {name: exponent(sizes, table) for name, table in by_rows.items()}
    help_of_width = {name: table[0] / table[-1] for name, table in by_width.items()}
    early = max(i for i, size in enumerate(sizes) if size <= EARLIER_MOST or i == 0)
    quantities = {
        **{f"rows_growth_{name}": values for name, values in growth.items()},
        "rows_growth_ratio": growth["noise"] / growth["real"],
        **{f"exponent_{name}": values for name, values in exponents.items()},
        "exponent_apart": exponents["noise"] - exponents["real"],
        "earlier_growth_ratio": (by_rows["noise"][early] / by_rows["noise"][0])
        / (by_rows["real"][early] / by_rows["real"][0]),
        **{f"width_help_{name}": values for name, values in help_of_width.items()},
        "width_help_ratio": help_of_width["noise"] / help_of_width["real"],
        **{f"unfitted_{name}": float(np.mean([np.isnan(epochs_to_fit(net)) for net in select(rows, inputs=kind)]))
           for name, kind in kinds.items()},
    }  # fmt: skip
    pictures = {
        "rows": figures.convergence(sizes, by_rows, "training images"),
        "width": figures.convergence(values_of(width, "width"), by_width, "hidden neurons"),
    }
    return Findings(quantities, pictures)


def exponent(sizes: Sequence[float], epochs: NDArray) -> NDArray:
    """The exponent b of epochs = a sizes^b for each seed, by least squares on logarithms, (seeds,).

    Parameters
    ----------
    sizes : (sizes,)
    epochs : (sizes, seeds)
    """
    x = np.log(sizes) - np.log(sizes).mean()
    return x @ np.log(epochs) / (x @ x)
