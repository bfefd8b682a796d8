"""How much darker than the paper around it each pixel is, whatever the light was."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import grey_closing
from scipy.stats import norm
from skimage.filters import gaussian
from skimage.morphology import reconstruction

LINE = 0.08  # of the longer side: dark lines up to this width are closed before the paper is flooded
QUANTILES = (0.1, 0.3)  # of the pixels: below any ink, even on squared paper


def darkness(level: NDArray, cut_closely: bool) -> tuple[NDArray, float]:
    """Estimate the brightness of the paper, and how much of it each pixel lacks.

    Parameters
    ----------
    level : (rows, columns)
        Brightness from 0 to 255; dark ink on light paper.
    cut_closely : bool
        Whether dark parts that reach the edge of the picture may be ink. If not, they count as paper: a shadow, the
        frame of a scan, the table.

    Returns
    -------
    (rows, columns) shares of the paper's brightness from 0 to 1; about 0 on paper
    float, the standard deviation of these shares on paper
    """
    level = gaussian(level, 1, preserve_range=True)
    paper = estimate_paper(level, cut_closely)
    # In a black frame a division by the paper would make noise of nothing.
    lacking = (paper - level) / np.maximum(paper, max(np.percentile(paper, 90) / 2, 1))
    # Ink lies above these quantiles; they give the mean and the deviation of the noise, taken to be normal.
    low, high = np.quantile(lacking, QUANTILES)
    z_low, z_high = norm.ppf(QUANTILES)
    noise = (high - low) / (z_high - z_low)
    return np.clip(lacking - (high - z_high * noise), 0, 1), float(noise)


def estimate_paper(level: NDArray, cut_closely: bool) -> NDArray:
    """The brightness of the paper at each pixel, under the ink too.

    Dark basins are filled up to the lowest point of their rim (greyscale reconstruction by erosion from the edges of
    the picture; Soille, Morphological Image Analysis, 2003, section 6.3.7): shading and vignettes stay, strokes go.
    """
    # Ruled lines and thin strokes are closed first: along a line a basin would run out over the edge.
    level = grey_closing(level, size=round(LINE * max(level.shape)))
    flood = np.full_like(level, level.max())
    for side in (0, -1):
        for target, edge in ((flood[side], level[side]), (flood[:, side], level[:, side])):
            target[:] = grey_closing(edge, size=len(edge) // 2) if cut_closely else edge
    return reconstruction(flood, level, method="erosion")
