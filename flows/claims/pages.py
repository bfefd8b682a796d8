"""The claims in files: a page each, the table of all, results as one tidy CSV, and all verdicts with their dates."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from flows.claims.claim import SCALES, Claim, load_claim
from flows.claims.verdicts import COLOURS, NOT_RUN, Verdict, quantities_markdown, title, verdicts_markdown, words
from flows.errors import ConfigurationError

Found = dict[tuple[str, str], Verdict]  # by name and scale
ABOUT = """Written by `make claims` from the runs in the store: each claim has a page with its set-up and its figures.

*Reproduced*: all judged quantities hold; *not*: none does; *in part*: some do and some don't; *undecided*: otherwise. A
quantity holds if its whole 95 % interval is in the allowed range, and is undecided if the interval straddles a bound.
Set-ups that are not a claim's own, such as earlier ones, are judged apart: "with …". Set-ups and tolerances are fixed
before a run: [preregistration](../preregistration.md). [results.csv](results.csv) has a row for every quantity,
[verdicts.csv](verdicts.csv) all verdicts with their dates. Which statement of the lesson is shown where:
[source map](../source-map.md). What is cited: [bibliography](../bibliography.md).
"""
HOW = """Values are means over seeds, with 95 % intervals by Student's t: of shares on logits, of ratios on logarithms,
of correlations on Fisher's z; of spreads and correlations over seeds by bootstrap. Of fewer than five seeds the values
stand in place of the interval. A quantity with "–" is shown, not judged."""
HISTORY = ["judged", "claim", "scale", "data", "verdict"]


def check_folder(folder: str) -> None:
    """Raise a ConfigurationError if verdicts can't be written into a folder."""
    if not (os.path.isdir(folder) and os.access(folder, os.W_OK)):
        raise ConfigurationError(f"--write: {folder!r} given; allowed: a folder that exists and can be written")


def write_pages(
    folder: str, statements: dict[str, str], found: Found, figures_of: Callable[[str, str], dict[str, bytes]]
) -> None:
    """Write `claims-count.md`, how many claims hold, and the folder `claims`.

    Parameters
    ----------
    statements : by claim
    found : verdicts by claim and scale
    figures_of : callable
        The figures of a claim at a scale, by name, as PNG.
    """
    pages = Path(folder, "claims")
    pages.mkdir(exist_ok=True)
    history = history_with(pages / "verdicts.csv", found.values())
    history.to_csv(pages / "verdicts.csv", index=False)
    Path(folder, "claims-count.md").write_text(count(statements, latest(history)), encoding="utf-8")
    linked = verdicts_markdown(statements, found, latest(history))
    for name in statements:
        scales = [scale for scale in SCALES if (name, scale) in found]
        if not scales:
            continue
        figures = figures_of(name, scales[-1])  # of the largest scale
        for figure, content in figures.items():
            (pages / f"{name}-{figure}.png").write_bytes(content)
        (pages / f"{name}.md").write_text(claim_page(name, [found[name, s] for s in scales], figures), encoding="utf-8")
        linked = linked.replace(f"| `{name}` |", f"| [`{name}`]({name}.md) |")
    (pages / "README.md").write_text(f"# The claims and their verdicts\n\n{ABOUT}\n{linked}", encoding="utf-8")
    results(found.values()).to_csv(pages / "results.csv", index=False)


def claim_page(name: str, verdicts: list[Verdict], figures: Iterable[str]) -> str:
    """A claim in Markdown: what its source says, the results with their figures, and the set-up in full."""
    first = verdicts[0]
    note = load_claim(name, first["scale"]).note
    parts = [f"# {name}", first["statement"], f"*{first['source']}*"]
    for verdict in verdicts:
        command = f"mlp reproduce {name}" + (" --scale full" if verdict["scale"] == "full" else "")
        time = f" {verdict['seconds']:,.0f} s of training and measuring." if verdict["seconds"] else ""
        parts += [
            f"## {title(verdict)}",
            f"`{command}`, judged {verdict['judged'][:10] or 'earlier'}.{time}",
            quantities_markdown(verdict),
        ]
    why = ["## Why, and what was tried", note.strip()] if note else []
    parts += [HOW, *(f"![{figure}]({name}-{figure}.png)" for figure in figures), *why, "## Set-up"]
    for verdict in verdicts:
        text = yaml.safe_dump(experiments(load_claim(name, verdict["scale"])), sort_keys=False, width=110)
        parts.append(f"At {verdict['scale']} scale, where it is not a default (`mlp show`):\n\n```yaml\n{text}```")
    return "\n\n".join(parts) + "\n"


def experiments(claim: Claim) -> dict[str, Any]:
    """The settings of a claim's experiments that differ from the defaults."""
    hidden = {"name", "description"}
    return {
        role: experiment.model_dump(mode="json", exclude_defaults=True, exclude=hidden)
        for role, experiment in claim.experiments.items()
    }


def count(claims: Iterable[str], verdicts: dict[tuple[str, str], str]) -> str:
    """Count the claims by their verdicts, each at the largest scale at which it was run, in one sentence."""
    whole = [next((verdicts[name, s] for s in SCALES[::-1] if (name, s) in verdicts), NOT_RUN) for name in claims]
    outcomes = [verdict.partition(";")[0].partition(" (")[0] for verdict in whole]
    counted = [f"{outcomes.count(word)} {word}" for word in (*COLOURS, NOT_RUN) if word in outcomes]
    return f"Of {len(whole)} claims, each at the largest scale at which it was run: {', '.join(counted)}.\n"


def results(verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """Every quantity of every verdict as a row."""
    about = ["claim", "scale", "data", "judged"]
    columns = [*about, "setup", "name", "words", "says", "value", "low", "high", "at_least", "at_most", "holds"]
    rows = [
        {**{field: verdict[field] for field in about}, **row}  # type: ignore[literal-required]
        for verdict in verdicts
        for row in verdict["quantities"]
    ]
    return pd.DataFrame(rows, columns=columns)


def history_with(file: Path, verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """The verdicts in a file, and after them the new ones."""
    known = pd.read_csv(file, dtype=str, keep_default_na=False) if file.exists() else pd.DataFrame(columns=HISTORY)
    new = [
        [verdict["judged"], verdict["claim"], verdict["scale"], verdict["data"], words(verdict)] for verdict in verdicts
    ]
    together = pd.concat([known, pd.DataFrame(new, columns=HISTORY)], ignore_index=True)
    return together.drop_duplicates(["judged", "claim", "scale"], keep="last", ignore_index=True)


def latest(history: pd.DataFrame) -> dict[tuple[str, str], str]:
    """The last verdict of each claim at each scale, with its date."""
    rows = history.sort_values("judged", kind="stable").drop_duplicates(["claim", "scale"], keep="last")
    return {(row.claim, row.scale): f"{row.verdict} ({row.judged[:10]})" for row in rows.itertuples()}
