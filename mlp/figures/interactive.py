"""Interactive plotly charts for a web page.

Background and text colours are left to the page; lines and bands are readable on light and on dark pages.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from matplotlib.colors import LinearSegmentedColormap, to_hex
from numpy.typing import NDArray

from mlp.figures.style import COLOURS
from mlp.statistics.intervals import Estimate, Summary

# From cool to warm, with similar contrast to white and to black.
HUES = LinearSegmentedColormap.from_list("hues", ["#3f74d1", "#2a9d9a", "#7aa33b", "#dd9a2e", "#d2504b"])
# From pale to dark blue: more is darker. Plotly writes in white or black, whichever can be read.
TILES = ["#f1f4fb", "#9db8e6", "#3f74d1", "#1b3a78"]
BAND = 0.2  # opacity


def hues(count: int) -> list[str]:
    """Colours for ordered groups."""
    return [to_hex(colour) for colour in HUES(np.linspace(0, 1, count))]


def chart(xlabel: str, percent: bool) -> go.Figure:
    """An empty chart without a y label; the page's heading says what is shown."""
    layout = go.Layout(
        template="none",
        xaxis={"title": {"text": xlabel}, "zeroline": False},
        yaxis={"zeroline": False, "tickformat": ".0%" if percent else "", "rangemode": "tozero"},
        hovermode="x unified",
        margin={"l": 56, "r": 12, "t": 12, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return go.Figure(layout=layout)


def columns(figure: go.Figure, names: Sequence[str]) -> NDArray:
    """Label the x axis with a column for each group; returns their positions (groups,)."""
    places = np.arange(len(names))
    figure.update_xaxes(tickvals=places, ticktext=list(names), range=[-0.6, len(names) - 0.4], showgrid=False)
    figure.update_layout(hovermode="closest")
    return places


def hover(percent: bool, interval: bool = True) -> str:
    """Hover text of a point: its value, and its interval from the custom data."""
    style = ".2%" if percent else ".4g"
    ends = f" (%{{customdata[0]:{style}}} to %{{customdata[1]:{style}}})" if interval else ""
    return f"%{{y:{style}}}{ends}"


def curves_chart(
    names: Sequence[str], curves: Summary, percent: bool, seeds: NDArray | None = None, logarithmic: bool = False
) -> go.Figure:
    """Mean curves with their intervals as bands, one colour for each group, in front of the curves of the seeds.

    Parameters
    ----------
    names : (groups,)
    curves : Summary of (groups, steps) arrays
        Groups without values are left out; bands need two seeds.
    percent : bool
        Whether the values are shares.
    seeds : (seeds, groups, steps), optional
        The curve of every seed, drawn as a thin line.
    logarithmic : bool
        Whether the y axis is; values that are not positive are then left out.
    """
    figure = chart("epoch", percent)
    figure.update_layout(hoverdistance=-1)  # a label between two epochs that are far apart, too
    last = curves.mean.shape[1] - 1
    figure.update_xaxes(dtick=next((step for step in (1, 2, 5, 10, 20, 50, 100) if last <= 8 * step), 500))
    floor = -np.inf
    if logarithmic and (positive := curves.mean[curves.mean > 0]).size:
        # A logarithmic axis has no 0: a band that would reach it ends at the lowest mean.
        floor = positive.min()
        # Ticks at 1, 2 and 5; plotly's own are good for less than a factor of 10, and for many powers of it.
        usual = 10 <= positive.max() / floor <= 1e4
        figure.update_yaxes(
            type="log", dtick="D2" if usual else None, tickformat="~g", rangemode="normal", automargin=True
        )
    for group, (name, colour) in enumerate(zip(names, hues(len(names)), strict=True)):
        mean, low, high = (ends[group].astype(np.float32) for ends in (curves.mean, curves.low, curves.high))
        steps = np.arange(len(mean), dtype=np.int16)
        if not np.isfinite(mean).any():
            continue
        band = np.isfinite(low)
        if band.any():
            figure.add_scatter(
                x=np.concatenate([steps[band], steps[band][::-1]]),
                y=np.concatenate([np.maximum(low[band], floor), high[band][::-1]]),
                fill="toself", fillcolor=colour, opacity=BAND, line={"width": 0}, mode="lines",
                hoverinfo="skip", legendgroup=name, showlegend=False,
            )  # fmt: skip
        if seeds is not None and len(seeds) > 1:
            # One trace for all seeds: the lines are separated by points that are not numbers.
            padded = np.pad(seeds[:, group].astype(np.float32), ((0, 0), (0, 1)), constant_values=np.nan)
            figure.add_scatter(
                x=np.tile(np.arange(len(mean) + 1, dtype=np.int16), len(seeds)), y=padded.ravel(), mode="lines",
                line={"color": colour, "width": 0.7}, opacity=0.45,
                hoverinfo="skip", legendgroup=name, showlegend=False,
            )  # fmt: skip
        figure.add_scatter(
            x=steps, y=mean, customdata=np.column_stack([low, high]), mode="lines", name=name, legendgroup=name,
            line={"color": colour, "width": 2.2}, hovertemplate=hover(percent, band.any()), showlegend=False,
        )  # fmt: skip
    return figure


def measures_chart(names: Sequence[str], measures: Mapping[str, Estimate], xlabel: str) -> go.Figure:
    """A line with intervals for each measure, against the groups; shares in percent.

    Parameters
    ----------
    names : (groups,)
    measures : mapping of name to Estimate of (groups,) arrays
    xlabel : str
        The parameter that the groups differ in.
    """
    figure = chart(xlabel, percent=True)
    places = columns(figure, names)
    symbols = ("circle", "square", "diamond", "triangle-up", "cross", "x")
    # Side by side, so that equal intervals don't hide each other.
    shifts = np.linspace(-0.06, 0.06, len(measures))
    for shift, colour, symbol, (name, (value, low, high)) in zip(
        shifts, COLOURS, symbols, measures.items(), strict=False
    ):
        figure.add_scatter(
            x=places + shift, y=value, customdata=np.column_stack([low, high]), mode="lines+markers", name=name,
            line={"color": colour, "width": 2}, marker={"symbol": symbol, "size": 8},
            error_y={"array": high - value, "arrayminus": value - low, "thickness": 1.4, "width": 4},
            hovertemplate=f"{hover(percent=True)}<extra>{name}</extra>",
        )  # fmt: skip
    return figure


def seeds_chart(names: Sequence[str], values: NDArray, labels: Sequence[str], xlabel: str) -> go.Figure:
    """Difference of every seed from the mean of its group, in points: a column of dots for each group.

    Parameters
    ----------
    names : (groups,)
    values : (seeds, groups)
    labels : (seeds,)
        Hover text of the dots.
    xlabel : str
        The parameter that the groups differ in.
    """
    figure = chart(xlabel, percent=True)
    figure.update_yaxes(tickformat="+.1f", ticksuffix=" points", rangemode="normal", zeroline=True, automargin=True)
    places = columns(figure, names)
    # The dots of a column are in the order of the seeds.
    shifts = np.linspace(-0.25, 0.25, len(values)) if len(values) > 1 else np.zeros(1)
    for group, (name, colour) in enumerate(zip(names, hues(len(names)), strict=True)):
        measured = np.isfinite(values[:, group])
        dots = np.round(values[measured, group], 6)
        figure.add_scatter(
            x=places[group] + shifts[measured], y=100 * (dots - dots.mean()) if dots.size else dots, customdata=dots,
            text=np.asarray(labels)[measured], mode="markers", name=name, legendgroup=name, showlegend=False,
            marker={"color": colour, "size": 9, "opacity": 0.75},
            hovertemplate="%{text}: %{customdata:.2%}<extra></extra>",
        )  # fmt: skip
    return figure


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
        texttemplate="%{text}", textfont={"size": 13}, hoverinfo="skip", colorscale=TILES, xgap=2, ygap=2,
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
