"""Verdicts on claims as tables, for a terminal and in Markdown."""

import json
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from flows.claims.claim import SCALES
from flows.report.tables import markdown_table

Word = Literal["reproduced", "in part", "not", "undecided"]
COLOURS: dict[Word, str] = {"reproduced": "green", "in part": "yellow", "not": "red", "undecided": "cyan"}
# Besides True and False, what became of a quantity: its interval straddles a bound, or it is not judged.
UNDECIDED, SHOWN = "undecided", None
NOT_RUN = "not run"  # a claim without a verdict
HOLDS = {True: "yes", False: "no", UNDECIDED: UNDECIDED, SHOWN: "–"}
CAPTION = "mean over seeds and its 95 % interval; of fewer than five seeds their values"
HEADS = ("quantity", "the source says", "measured here", "95 % interval", "allowed", "holds")
OVERVIEW = ("claim", "what it says", *SCALES)


class Verdict(TypedDict):
    """A judged claim, as it is stored.

    `quantities` has one dict for each: the fields of `flows.claims.claim.Quantity`, ``name``, ``value``, ``low``,
    ``high``, ``points`` (of few seeds), and ``holds``: True, False, `UNDECIDED` or `SHOWN`. `setups` has the verdicts
    on set-ups that are not the claim's own. `seconds` are those of training and measuring.
    """

    claim: str
    scale: str
    statement: str
    source: str
    data: str
    judged: str
    seconds: float
    verdict: Word
    setups: dict[str, Word]
    quantities: list[dict[str, Any]]


def read(path: Path) -> Verdict:
    """Read a stored verdict; a ValueError if there is none in the file."""
    verdict: Any = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(verdict, dict):
        raise ValueError("no verdict")
    # Verdicts of older versions have less.
    verdict = dict[str, Any]({"setups": {}, "judged": "", "seconds": 0.0}) | verdict
    if not Verdict.__required_keys__ <= verdict.keys():
        raise ValueError("no verdict")
    verdict["quantities"] = [{"setup": "", "points": []} | row for row in verdict["quantities"]]
    return cast(Verdict, verdict)


def number(value: float, percent: bool, *, unit: bool = True) -> str:
    """A measured number as text."""
    form = ",.0f" if float(value).is_integer() else ",.5g"
    text = f"{100 * value:.4g}{' %' * unit}" if percent else f"{value:{form}}"
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
    words = f"with {row['setup']}: {row['words']}" if row["setup"] else row["words"]
    return [words, row["says"], value, interval(row), allowed(row), HOLDS[row["holds"]]]


def interval(row: dict[str, Any]) -> str:
    """The interval of a quantity, or the values of few seeds; nothing if all seeds agree."""
    if row["low"] is None or row["low"] == row["high"]:
        return ""
    if row["points"]:
        return ", ".join(number(value, row["percent"], unit=False) for value in row["points"])
    return " … ".join(number(row[end], row["percent"], unit=False) for end in ("low", "high"))


def title(verdict: Verdict) -> str:
    """Claim, scale, data set if it is not MNIST, and verdict."""
    data = verdict["data"] if verdict["data"] == "mnist" else f"{verdict['data']}, not MNIST"
    return f"{verdict['claim']} ({verdict['scale']}, on {data}): {words(verdict)}"


def words(verdict: Verdict) -> str:
    """A verdict, and those on its other set-ups: ``reproduced; with the decayed rate: in part``."""
    return "; ".join([verdict["verdict"], *(f"with {setup}: {word}" for setup, word in verdict["setups"].items())])


def table(verdict: Verdict) -> Table:
    """A verdict for a terminal."""
    colour = COLOURS[verdict["verdict"]]
    result = Table(title=f"[{colour}]{title(verdict)}[/]", caption=CAPTION, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    result.add_column(HEADS[0], min_width=16)
    for head in HEADS[2:]:
        result.add_column(head, justify="right")
    for row in verdict["quantities"]:
        what, says, *rest = quantity_row(row)
        style = {True: "", False: "red", UNDECIDED: "cyan", SHOWN: "dim"}[row["holds"]]
        result.add_row(f"{what} ({HEADS[1]}: {says})" if says else what, *rest, style=style)
    return result


def markdown(verdict: Verdict) -> str:
    """A verdict in Markdown."""
    parts = [f"### {title(verdict)}", verdict["statement"], f"*{verdict['source']}*", quantities_markdown(verdict)]
    return "\n\n".join(parts) + "\n"


def quantities_markdown(verdict: Verdict) -> str:
    """The quantities of a verdict as a table in Markdown."""
    return markdown_table(HEADS, [quantity_row(row) for row in verdict["quantities"]], "llrrrl")


def verdicts_table(statements: dict[str, str], found: dict[tuple[str, str], Verdict]) -> Table:
    """All claims with their verdicts, for a terminal.

    Parameters
    ----------
    statements : by claim
    found : verdicts by claim and scale
    """
    result = Table(box=SIMPLE_HEAD, caption="mlp reproduce CLAIM [--scale full], or `mlp reproduce all`")
    for head in OVERVIEW:
        result.add_column(head, no_wrap=head != "what it says")
    for name, statement in statements.items():
        verdicts = [found.get((name, scale)) for scale in SCALES]
        styles = [COLOURS[verdict["verdict"]] if verdict else "dim" for verdict in verdicts]
        result.add_row(name, statement, *map(Text, map(mark, verdicts), styles))
    return result


def mark(verdict: Verdict | None) -> str:
    """A verdict in a word, with the data set if it is not MNIST."""
    if verdict is None:
        return NOT_RUN
    return words(verdict) + ("" if verdict["data"] == "mnist" else f" ({verdict['data']})")


def verdicts_markdown(
    statements: dict[str, str], found: dict[tuple[str, str], Verdict], earlier: dict[tuple[str, str], str]
) -> str:
    """All claims with their verdicts, in Markdown; see `verdicts_table`.

    Parameters
    ----------
    earlier : by claim and scale
        The verdicts on claims that are not in the store.
    """

    def said(place: tuple[str, str]) -> str:
        return mark(found[place]) if place in found else earlier.get(place, mark(None))

    rows = [[f"`{name}`", text, *(said((name, scale)) for scale in SCALES)] for name, text in statements.items()]
    return markdown_table(OVERVIEW, rows, "l" * len(OVERVIEW)) + "\n"
