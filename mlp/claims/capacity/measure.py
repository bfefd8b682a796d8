"""Epochs to fit, against width and number of images (Arpit et al. 2017, arXiv 1706.05394, figure 6)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Networks, censored_epochs, epochs_to_fit

MAX_EARLIER_ROWS = 5_000  # training images, of the earlier set-up of `capacity`


def measure(width: Networks, rows: Networks) -> Findings:
    """Figure 6: epochs to fit real images and noise, against the network's width and the number of images.

    A network that has not fitted its images by its last epoch is censored: it counts with that epoch, so that what
    grows on noise is given by its lower bound.
    """
    kinds = {"real": "true", "noise": "gaussian"}

    def epochs(nets: Networks, attribute: str) -> dict[str, NDArray]:
        return {name: nets.over(attribute, censored_epochs, inputs=kind) for name, kind in kinds.items()}

    sizes = rows.values("rows")
    by_width, by_rows = epochs(width, "width"), epochs(rows, "rows")
    early = max(i for i, size in enumerate(sizes) if size <= MAX_EARLIER_ROWS or i == 0)
    growth, earlier_growth = ({name: table[i] / table[0] for name, table in by_rows.items()} for i in (-1, early))
    exponents = {name: exponent(sizes, table) for name, table in by_rows.items()}
    help_of_width = {name: table[0] / table[-1] for name, table in by_width.items()}
    quantities = {
        **{f"rows_growth_{name}": values for name, values in growth.items()},
        "rows_growth_ratio": growth["noise"] / growth["real"],
        **{f"exponent_{name}": values for name, values in exponents.items()},
        "exponent_apart": exponents["noise"] - exponents["real"],
        "earlier_growth_ratio": earlier_growth["noise"] / earlier_growth["real"],
        **{f"width_help_{name}": values for name, values in help_of_width.items()},
        "width_help_ratio": help_of_width["noise"] / help_of_width["real"],
        **{
            f"unfitted_{name}": float(np.isnan(rows.select(inputs=kind).each(epochs_to_fit)).mean())
            for name, kind in kinds.items()
        },
    }
    pictures = {
        "rows": figures.convergence(sizes, by_rows, "training images"),
        "width": figures.convergence(width.values("width"), by_width, "hidden neurons"),
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
