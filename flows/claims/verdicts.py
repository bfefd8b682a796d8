"""Verdicts on claims as tables, for a terminal and in Markdown."""

import json
import os
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from flows.errors import ConfigurationError
from flows.report.tables import markdown_table

COLOURS = {"reproduced": "green", "in part": "yellow", "not": "red"}
CAPTION = "mean over seeds and its 95 % interval"
HEADS = ("quantity", "the source says", "measured here", "95 % interval", "allowed", "holds")


class Verdict(TypedDict):
    """A judged claim, as it is stored.

    `quantities` has one dict for each: the fields of `flows.claims.claim.Quantity`, ``name``, ``value``, ``low``,
    ``high``, and ``holds``, which is None if it is not judged.
    """

    claim: str
    scale: str
    statement: str
    source: str
    data: str
    verdict: Literal["reproduced", "in part", "not"]
    quantities: list[dict[str, Any]]


def read(path: Path) -> Verdict:
    """Read a stored verdict; a ValueError if there is none in the file."""
    verdict = json.loads(path.read_text(encoding="utf-8"))
    if not (isinstance(verdict, dict) and Verdict.__required_keys__ <= verdict.keys()):
        raise ValueError("no verdict")
    return cast(Verdict, verdict)


def number(value: float, percent: bool, unit: bool = True) -> str:
    """A measured number as text."""
    text = f"{100 * value:.4g}{' %' * unit}" if percent else f"{value:,.5g}"
    return text.replace("-", "−")


def allowed(row: dict[str, Any]) -> str:
    """The allowed range of a quantity."""
    low, high = (None if row[end] is None else number(row[end], row["percent"]) for end in ("at_least", "at_most"))
    if low is None or high is None:
        return f"≥ {low}" if low else f"≤ {high}" if high else "–"
    return low if low == high else f"{low.removesuffix(' %')} … {high}"


def quantity_row(row: dict[str, Any]) -> list[str]:
    """A quantity as a row of a table."""
    percent = row["percent"]
    value = "not defined" if row["value"] is None else number(row["value"], percent)
    varies = row["low"] is not None and row["low"] != row["high"]
    interval = f"{number(row['low'], percent, False)} … {number(row['high'], percent, False)}" if varies else ""
    holds = {True: "yes", False: "no", None: "–"}[row["holds"]]
    return [row["words"], row["says"], value, interval, allowed(row), holds]


def title(verdict: Verdict) -> str:
    """Claim, scale, data set if it is not MNIST, and verdict."""
    data = verdict["data"] if verdict["data"] == "mnist" else f"{verdict['data']}, not MNIST"
    return f"{verdict['claim']} ({verdict['scale']}, on {data}): {verdict['verdict']}"


def table(verdict: Verdict) -> Table:
    """A verdict for a terminal."""
    colour = COLOURS[verdict["verdict"]]
    result = Table(title=f"[{colour}]{title(verdict)}[/]", caption=CAPTION, box=SIMPLE_HEAD)
    for head in (HEADS[0], *HEADS[2:]):
        result.add_column(head, justify="left" if head == HEADS[0] else "right", no_wrap=head != HEADS[0])
    for row in verdict["quantities"]:
        words, says, *rest = quantity_row(row)
        style = {True: "", False: "red", None: "dim"}[row["holds"]]
        result.add_row(f"{words} ({HEADS[1]}: {says})" if says else words, *rest, style=style)
    return result


def markdown(verdict: Verdict) -> str:
    """A verdict in Markdown."""
    rows = [quantity_row(row) for row in verdict["quantities"]]
    table = markdown_table(HEADS, rows, "llrrrl")
    parts = [f"### {title(verdict)}", verdict["statement"], f"*{verdict['source']}*", table]
    return "\n\n".join(parts) + "\n"


def verdicts_table(statements: dict[str, str], found: dict[tuple[str, str], Verdict]) -> Table:
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


def mark(verdict: Verdict | None) -> str:
    """A verdict in a word, with the data set if it is not MNIST."""
    if verdict is None:
        return "not run"
    return verdict["verdict"] + ("" if verdict["data"] == "mnist" else f" ({verdict['data']})")


def verdicts_markdown(statements: dict[str, str], found: dict[tuple[str, str], Verdict]) -> str:
    """All claims with their verdicts, in Markdown; see `verdicts_table`."""
    rows = [
        [f"`{name}`", statement, mark(found.get((name, "small"))), mark(found.get((name, "full")))]
        for name, statement in statements.items()
    ]
    return markdown_table(["claim", "what it says", "small", "full"], rows, "llll") + "\n"


def page(statements: dict[str, str], found: dict[tuple[str, str], Verdict]) -> str:
    """All claims with their verdicts and their tables, as a page in Markdown."""
    lines = [
        "# The claims and their verdicts",
        "",
        "Written by `make claims` from the runs in the store. *Reproduced*: every judged quantity is in the range that",
        "the file of the claim allows; *in part*: some are; *not*: none is. A quantity with “–” is shown, not judged.",
        "Values are means over seeds with 95 % intervals by Student's t (for spreads and correlations: bootstrap).",
        "`mlp reproduce CLAIM` repeats one; experiments, sources and tolerances are in `flows/claims`.",
        "",
        verdicts_markdown(statements, found),
        *map(markdown, found.values()),
    ]
    return "\n".join(lines)


def check_folder(folder: str) -> None:
    """Raise a ConfigurationError if verdicts can't be written into a folder."""
    if not (os.path.isdir(folder) and os.access(folder, os.W_OK)):
        raise ConfigurationError(f"--write: {folder!r} given; allowed: a folder that exists and can be written")


def write_verdicts(folder: str, statements: dict[str, str], found: dict[tuple[str, str], Verdict]) -> None:
    """Write `claims.md`, the page, and `claims-table.md`, the table of all claims, into a folder."""
    Path(folder, "claims.md").write_text(page(statements, found), encoding="utf-8")
    Path(folder, "claims-table.md").write_text(verdicts_markdown(statements, found), encoding="utf-8")
