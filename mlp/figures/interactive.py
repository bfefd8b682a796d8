"""Charts for a web page, by plotly: a finger or a mouse on them tells the numbers.

They have no colours of paper and ink, which are the page's; lines and bands read on a white page and on a dark one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from matplotlib.colors import LinearSegmentedColormap, to_hex
from numpy.typing import NDArray

from mlp.figures.look import COLOURS
from mlp.statistics import Estimate, Summary

# An order from cool to warm, each about as far from white as from black.
HUES = LinearSegmentedColormap.from_list("hues", ["#3f74d1", "#2a9d9a", "#7aa33b", "#dd9a2e", "#d2504b"])
BAND = 0.2  # opacity


def hues(count: int) -> list[str]:
    """Colours of an ordered row of groups."""
    return [to_hex(colour) for colour in HUES(np.linspace(0, 1, count))]


def chart(below: str, percent: bool) -> go.Figure:
    """An empty chart; its title tells what the vertical axis is."""
    layout = go.Layout(
        template="none",
        xaxis={"title": {"text": below}, "zeroline": False},
        yaxis={"zeroline": False, "tickformat": ".0%" if percent else "", "rangemode": "tozero"},
        hovermode="x unified",
        margin={"l": 56, "r": 12, "t": 12, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return go.Figure(layout=layout)


def columns(figure: go.Figure, names: Sequence[str]) -> NDArray:
    """Give a chart a column a group; where they stand, (groups,)."""
    places = np.arange(len(names))
    figure.update_xaxes(tickvals=places, ticktext=list(names), range=[-0.6, len(names) - 0.4], showgrid=False)
    figure.update_layout(hovermode="closest")
    return places


def hover(percent: bool, interval: bool = True) -> str:
    """What is told of a point: its value, and its interval from the custom data."""
    form = ".2%" if percent else ".4g"
    ends = f" (%{{customdata[0]:{form}}} to %{{customdata[1]:{form}}})" if interval else ""
    return f"%{{y:{form}}}{ends}"


def curves_chart(names: Sequence[str], curves: Summary, percent: bool) -> go.Figure:
    """Mean curves with their intervals as bands, a colour a group.

    Parameters
    ----------
    names : (groups,)
    curves : Summary of (groups, steps) arrays
        Groups that have no value are left out; a band needs two seeds.
    """
    figure = chart("epoch", percent)
    last = curves.mean.shape[1] - 1
    figure.update_xaxes(dtick=next((step for step in (1, 2, 5, 10, 20, 50, 100) if last <= 8 * step), 500))
    for group, (name, colour) in enumerate(zip(names, hues(len(names)), strict=True)):
        mean, low, high = (np.round(ends[group], 6) for ends in (curves.mean, curves.low, curves.high))
        steps = np.arange(len(mean))
        if not np.isfinite(mean).any():
            continue
        band = np.isfinite(low)
        if band.any():
            figure.add_scatter(
                x=np.concatenate([steps[band], steps[band][::-1]]),
                y=np.concatenate([low[band], high[band][::-1]]),
                fill="toself", fillcolor=colour, opacity=BAND, line={"width": 0}, mode="lines",
                hoverinfo="skip", legendgroup=name, showlegend=False,
            )  # fmt: skip
        figure.add_scatter(
            x=steps, y=mean, customdata=np.column_stack([low, high]), mode="lines", name=name, legendgroup=name,
            line={"color": colour, "width": 2}, hovertemplate=hover(percent, band.any()), showlegend=False,
        )  # fmt: skip
    return figure


def measures_chart(names: Sequence[str], measures: Mapping[str, Estimate], below: str) -> go.Figure:
    """A line a measure across the groups, with intervals; shares, in percent.

    Parameters
    ----------
    names : (groups,)
    measures : mapping of name to Estimate of (groups,) arrays
    below : str
        What the groups differ in.
    """
    figure = chart(below, percent=True)
    places = columns(figure, names)
    symbols = ("circle", "square", "diamond", "triangle-up", "cross", "x")
    # Side by side, so that equal intervals don't hide each other.
    aside = np.linspace(-0.06, 0.06, len(measures))
    for shift, colour, symbol, (name, (value, low, high)) in zip(
        aside, COLOURS, symbols, measures.items(), strict=False
    ):
        figure.add_scatter(
            x=places + shift, y=value, customdata=np.column_stack([low, high]), mode="lines+markers", name=name,
            line={"color": colour, "width": 2}, marker={"symbol": symbol, "size": 8},
            error_y={"array": high - value, "arrayminus": value - low, "thickness": 1.4, "width": 4},
            hovertemplate=f"{hover(percent=True)}<extra>{name}</extra>",
        )  # fmt: skip
    return figure


def seeds_chart(names: Sequence[str], values: NDArray, labels: Sequence[str], below: str) -> go.Figure:
    """How far every seed is from the mean of its group, a dot each, a column a group; shares, in percent.

    Parameters
    ----------
    names : (groups,)
    values : (seeds, groups)
    labels : (seeds,)
        What is told of a dot beside its value.
    below : str
        What the groups differ in.
    """
    figure = chart(below, percent=True)
    figure.update_yaxes(tickformat="+.1%", rangemode="normal", zeroline=True)
    places = columns(figure, names)
    # The dots of a column stand in the order of the seeds.
    aside = np.linspace(-0.25, 0.25, len(values)) if len(values) > 1 else np.zeros(1)
    for group, (name, colour) in enumerate(zip(names, hues(len(names)), strict=True)):
        measured = np.isfinite(values[:, group])
        dots = np.round(values[measured, group], 6)
        figure.add_scatter(
            x=places[group] + aside[measured], y=dots - dots.mean() if dots.size else dots, customdata=dots,
            text=np.asarray(labels)[measured], mode="markers", name=name, legendgroup=name, showlegend=False,
            marker={"color": colour, "size": 9, "opacity": 0.75},
            hovertemplate="%{text}: %{customdata:.2%}<extra></extra>",
        )  # fmt: skip
    return figure
