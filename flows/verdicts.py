"""Verdicts on claims as tables: for a terminal, and in Markdown for people who read them elsewhere."""

import json

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

COLOURS = {"reproduced": "green", "in part": "yellow", "not": "red"}
CAPTION = "mean over seeds and its 95 % interval"
HEADS = ("quantity", "the source says", "measured here", "95 % interval", "allowed", "holds")


def read(path: str) -> dict:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def number(value: float, percent: bool, unit: bool = True) -> str:
    text = f"{100 * value:.4g}{' %' * unit}" if percent else f"{value:,.5g}"
    return text.replace("-", "−")


def allowed(row: dict) -> str:
    """What a quantity's value may be."""
    low, high = (None if row[end] is None else number(row[end], row["percent"]) for end in ("at_least", "at_most"))
    if low is None or high is None:
        return f"≥ {low}" if low else f"≤ {high}" if high else "–"
    return low if low == high else f"{low.removesuffix(' %')} … {high}"


def cells(row: dict) -> list[str]:
    """A quantity as the cells of a table's row."""
    percent = row["percent"]
    value = "not defined" if row["value"] is None else number(row["value"], percent)
    varies = row["low"] is not None and row["low"] != row["high"]
    interval = f"{number(row['low'], percent, False)} … {number(row['high'], percent, False)}" if varies else ""
    holds = {True: "yes", False: "no", None: "–"}[row["holds"]]
    return [row["words"], row["says"], value, interval, allowed(row), holds]


def title(verdict: dict) -> str:
    data = verdict["data"] if verdict["data"] == "mnist" else f"{verdict['data']}, not MNIST"
    return f"{verdict['claim']} ({verdict['scale']}, on {data}): {verdict['verdict']}"


def table(verdict: dict) -> Table:
    """A verdict for a terminal."""
    colour = COLOURS[verdict["verdict"]]
    result = Table(title=f"[{colour}]{title(verdict)}[/]", caption=CAPTION, box=SIMPLE_HEAD)
    for head in (HEADS[0], *HEADS[2:]):
        result.add_column(head, justify="left" if head == HEADS[0] else "right", no_wrap=head != HEADS[0])
    for row in verdict["quantities"]:
        words, says, *rest = cells(row)
        style = {True: "", False: "red", None: "dim"}[row["holds"]]
        result.add_row(f"{words} ({HEADS[1]}: {says})" if says else words, *rest, style=style)
    return result


def markdown(verdict: dict) -> str:
    """A verdict in Markdown."""
    lines = [
        f"### {title(verdict)}",
        "",
        verdict["statement"],
        "",
        f"*{verdict['source']}*",
        "",
        f"| {' | '.join(HEADS)} |",
        "|---|---|---:|---:|---:|---|",
        *(f"| {' | '.join(cells(row))} |" for row in verdict["quantities"]),
        "",
    ]
    return "\n".join(lines)


def overview(statements: dict[str, str], found: dict[tuple[str, str], dict]) -> Table:
    """All claims with their verdicts, for a terminal.

    Parameters
    ----------
    statements : by claim
    found : verdicts by claim and scale
    """
    result = Table(box=SIMPLE_HEAD, caption="mlp reproduce CLAIM [--scale full], or `mlp reproduce all`")
    for head in ("claim", "what it says", "small", "full"):
        result.add_column(head, no_wrap=head != "what it says")
    for name, statement in statements.items():
        verdicts = [found.get((name, scale)) for scale in ("small", "full")]
        styles = [COLOURS[verdict["verdict"]] if verdict else "dim" for verdict in verdicts]
        result.add_row(name, statement, *map(Text, map(mark, verdicts), styles))
    return result


def mark(verdict: dict | None) -> str:
    """A verdict in a word, with the data set if it is not MNIST."""
    if verdict is None:
        return "not run"
    return verdict["verdict"] + ("" if verdict["data"] == "mnist" else f" ({verdict['data']})")


def overview_markdown(statements: dict[str, str], found: dict[tuple[str, str], dict]) -> str:
    """All claims with their verdicts, in Markdown; see `overview`."""
    rows = [
        f"| `{name}` | {statement} | {mark(found.get((name, 'small')))} | {mark(found.get((name, 'full')))} |"
        for name, statement in statements.items()
    ]
    return "\n".join(["| claim | what it says | small | full |", "|---|---|---|---|", *rows, ""])


def page(statements: dict[str, str], found: dict[tuple[str, str], dict]) -> str:
    """All claims with their verdicts and tables, as a page in Markdown."""
    lines = [
        "# The claims, and what became of them here",
        "",
        "Written by `make claims`, from the runs in the store. *Reproduced*: every judged quantity lies in what",
        "its file allows; *in part*: some do; *not*: none does. What says “–” is shown, not judged.",
        "Measured is the mean over seeds, its 95 % interval by Student's t (of spreads and correlations by bootstrap).",
        "`mlp reproduce CLAIM` runs one again; its experiments, sources and tolerances stand in `flows/claims`.",
        "",
        overview_markdown(statements, found),
        *map(markdown, found.values()),
    ]
    return "\n".join(lines)
