"""A measure in a grid of two parameters, as an interactive heat map for a web page."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from mlp.figures.interactive import chart
from mlp.statistics.intervals import Estimate

# From pale to dark blue: more is darker. Plotly writes in white or black, whichever can be read.
COLOURS = ["#f1f4fb", "#9db8e6", "#3f74d1", "#1b3a78"]


def heat_map(columns: Sequence[str], rows: Sequence[str], measure: Estimate, xlabel: str, ylabel: str) -> go.Figure:
    """A tile for each pair of values, with the mean and its interval in percent; no tile where it was not measured.

    Parameters
    ----------
    columns, rows : sequence of str
        The values of both parameters.
    measure : Estimate of (rows, columns) arrays
        Shares.
    xlabel, ylabel : str
        The parameters.
    """
    figure = chart(xlabel, percent=False)
    values, lows, highs = (100 * np.asarray(ends) for ends in measure)
    known = zip(values.ravel(), lows.ravel(), highs.ravel(), strict=True)
    texts = [tile(*numbers) for numbers in known]
    figure.add_heatmap(
        x=list(range(len(columns))), y=list(range(len(rows))), z=values, text=np.reshape(texts, values.shape).tolist(),
        texttemplate="%{text}", textfont={"size": 13}, hoverinfo="skip", colorscale=COLOURS, xgap=2, ygap=2,
        colorbar={"ticksuffix": " %", "thickness": 12},
    )  # fmt: skip
    figure.update_layout(hovermode=False)
    figure.update_xaxes(tickvals=list(range(len(columns))), ticktext=list(columns), showgrid=False)
    ticks = {"tickvals": list(range(len(rows))), "ticktext": list(rows)}
    figure.update_yaxes(
        **ticks, showgrid=False, rangemode="normal", title={"text": ylabel, "font": {"size": 12}}, automargin=True
    )
    return figure


def tile(value: float, low: float, high: float) -> str:
    """The text of a tile: the mean, and below it the ends of its interval."""
    if not np.isfinite(value):
        return ""
    value, low, high = (round(number, 1) + 0.0 for number in (value, low, high))  # no -0.0
    ends = f"<br><span style='font-size:10px'>{low:.1f} … {high:.1f}</span>" if np.isfinite(low) else ""
    return f"{value:.1f}{ends}"
