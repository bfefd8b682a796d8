"""Pages that follow from the code and from the committed figures, written when the site is built."""

import inspect
import subprocess
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from shutil import rmtree
from types import GenericAlias
from typing import Any

from sphinx.application import Sphinx

import flows
import mlp
from flows.claims.claim import Quantity, load_claim
from flows.plan.experiment import Experiment
from mlp.claims import CLAIMS
from mlp.measures.metrics import METRICS, Metric

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
# The command in the Makefile that makes a figure of docs/, and what the figure shows.
FIGURES = {
    "shuffle.png": ("make results", "What is learned and memorized, by fraction of shuffled labels"),
    "charts.png": ("make screenshots", "The charts of all seeds in MLflow"),
    "report.png": ("make screenshots", "The report of a sweep"),
    "explore.png": ("make screenshots", "The page to draw in"),
    "noise.png": ("make studies", "When is a network sure of noise?"),
    "label_noise.png": ("make studies", "How much label noise does it bear?"),
    "pictures.png": ("make pictures", "Photographs and scans of digits, as the network sees them"),
}


def table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A table in Markdown."""
    columns = list(columns)
    cells = [[str(cell).replace("|", r"\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [columns, ["---"] * len(columns), *cells]) + "\n"


def api() -> str:
    """List the public face of both packages, with a page for each name."""
    parts = [
        "# Python",
        "The names below keep their meaning between versions. All others are internal, and may change.",
    ]
    for package in (mlp, flows):
        objects = [name for name in package.__all__ if has_page(getattr(package, name))]
        others = [f"`{package.__name__}.{name}`" for name in package.__all__ if name not in objects]
        rows = "\n".join(f"   {package.__name__}.{name}" for name in objects)
        parts += [
            f"## `{package.__name__}`",
            f"```{{eval-rst}}\n.. autosummary::\n   :toctree: api\n   :nosignatures:\n\n{rows}\n```",
            f"Also {' and '.join(others)}." if others else "",
        ]
    return "\n\n".join(parts)


def has_page(thing: Any) -> bool:
    """Whether a public name has a docstring of its own: classes and functions have, constants and aliases have not."""
    return (inspect.isclass(thing) and not isinstance(thing, GenericAlias)) or inspect.isfunction(thing)


def command_line() -> str:
    """Every command with its arguments and options, as Typer describes them."""
    command = [sys.executable, "-m", "typer", "flows.cli.main", "utils", "docs", "--name", "mlp"]
    text = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True, timeout=60).stdout
    return text.replace("# `mlp`", "# Command line", 1)


def experiment() -> str:
    """Every field of an experiment, from pydantic's JSON schema."""
    schema = Experiment.model_json_schema()
    parts = {name: section_of(schema, field) for name, field in schema["properties"].items()}
    plain = {name: field for name, field in schema["properties"].items() if not parts[name]}
    text = [
        "# Fields of an experiment",
        "An experiment is a YAML file, a preset with `--set`, or the form on Prefect's page: the fields are the same. "
        "`mlp show demo` prints one with all of them. Unknown fields are refused.",
        fields("", plain),
    ]
    for name, section in parts.items():
        if section:
            path = f"{name}.0" if schema["properties"][name].get("type") == "array" else name
            text += [f"## `{name}`", fields(f"{path}.", section["properties"])]
    return "\n\n".join(text)


def section_of(schema: dict[str, Any], field: dict[str, Any]) -> dict[str, Any] | None:
    """The part of the schema that a field, or each item of its list, refers to."""
    reference = field.get("$ref") or field.get("items", {}).get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else None


def definitions(terms: Iterable[tuple[str, list[str]]]) -> str:
    """A list of names in Markdown, each with lines that say what it is."""
    return "\n".join(f"`{name}`\n: " + "\\\n  ".join(filter(None, lines)) + "\n" for name, lines in terms)


def fields(prefix: str, section: dict[str, Any]) -> str:
    """Path, description, allowed values and default of each field."""
    return definitions(
        (
            f"{prefix}{name}",
            [
                sentence(field.get("description", "")),
                f"Allowed: {allowed(field)}."
                + (f" Default: `{yaml_of(field['default'])}`." if "default" in field else ""),
            ],
        )
        for name, field in section.items()
    )


def sentence(text: str) -> str:
    """A description as a sentence."""
    return f"{text.rstrip('.')}." if text else ""


def yaml_of(value: Any) -> str:
    """A default as one would write it in YAML."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(yaml_of, value))}]"
    names = {None: "null", True: "true", False: "false", "": '""'}
    return names[value] if not isinstance(value, float | int | dict) and value in names else str(value)


def allowed(field: dict[str, Any]) -> str:
    """The values of a field in words, from its part of the schema."""
    if "anyOf" in field:
        return " or ".join(map(allowed, field["anyOf"]))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = field.get("type", "any value")
    if kind == "array":
        return f"list of: {allowed(field['items'])}"
    words = {"integer": "whole number", "number": "number", "string": "text", "null": "`null`", "object": "mapping"}
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {field[name]:,}" for name, sign in signs.items() if name in field]
    return ", ".join([words.get(kind, kind), *bounds])


def metrics() -> str:
    """Every metric, from the table that the code measures by."""
    better = {True: "more is better", False: "less is better", None: ""}
    units = {"%": "stored from 0 to 1, shown in %", "": ""}
    return (
        "# Metrics\n\nWhat is measured of each network, by its name in MLflow. Before the slash stands the set of "
        "images.\n\n"
    ) + definitions(
        (
            name,
            [
                f"**{row.title}**",
                sentence(
                    "; ".join(filter(None, (when(row), units.get(row.unit, row.unit), better[row.higher_is_better])))
                ),
            ],
        )
        for name, row in METRICS.items()
    )


def when(row: Metric) -> str:
    """The time at which a metric is measured, with the first line of the function that measures it."""
    function = row.measure or row.final
    if function is None:
        return "at the end"
    about = inspect.getdoc(function.func if isinstance(function, partial) else function).splitlines()[0]
    return f"{'after each epoch' if row.measure else 'at the end'}: {about.rstrip('.')}"


def claims() -> str:
    """Every claim with its source and what is judged, from its YAML."""
    parts = [
        "# Claims",
        "What the lesson and its papers say, and which values count as reproduced. `mlp reproduce NAME` tests one. "
        "[Results and verdicts](../claims/README.md) are on pages of their own.",
    ]
    for name in CLAIMS:
        claim = load_claim(name, "small")
        judged = [q for q in claim.quantities.values() if q.judged and not q.setup]
        rows = [[q.words, q.says or "–", bounds(q)] for q in judged]
        result = f"[Results](../claims/{name}.md)" if (DOCS / "claims" / f"{name}.md").exists() else ""
        parts += [
            f"## {name}",
            claim.statement,
            f"*{claim.source.strip()}*",
            result,
            table(["quantity", "the source says", "allowed"], rows),
        ]
    return "\n\n".join(parts)


def bounds(quantity: Quantity) -> str:
    """The allowed range of a quantity."""
    low, high = quantity.at_least, quantity.at_most
    unit, factor = (" %", 100) if quantity.percent else ("", 1)
    if low is not None and high is not None:
        return f"{factor * low:g} … {factor * high:g}{unit}"
    return f"≥ {factor * low:g}{unit}" if low is not None else f"≤ {factor * high:g}{unit}"


def gallery() -> str:
    """Every committed figure with the command that makes it."""
    cards = [card(path, *FIGURES[path]) for path in sorted(p.name for p in DOCS.glob("*.png"))]
    for figure in sorted((DOCS / "claims").glob("*.png")):
        claim, _, name = figure.stem.partition("-")
        cards.append(
            card(
                f"claims/{figure.name}",
                f"mlp reproduce {claim}",
                f"{claim}: {name}".replace("_", " "),
                f"../claims/{claim}.md",
            )
        )
    return "# Gallery\n\n::::{grid} 1 2 2 3\n:gutter: 3\n\n" + "\n".join(cards) + "::::\n"


def card(figure: str, command: str, title: str, link: str = "") -> str:
    """A figure, its title and its command, in a grid of them."""
    to = f":link: {link.removesuffix('.md')}\n:link-type: doc\n" if link else ""
    return f":::{{grid-item-card}} {title}\n:img-top: ../{figure}\n{to}\n`{command}`\n:::\n"


PAGES = {page.__name__.replace("_", "-"): page for page in (api, command_line, experiment, metrics, claims, gallery)}


def write_pages(app: Sphinx) -> None:
    """Write the generated pages, and copy the notebooks to them."""
    folder = DOCS / "generated"
    folder.mkdir(exist_ok=True)
    rmtree(folder / "api", ignore_errors=True)  # a name may be public no more
    for name, page in PAGES.items():
        write(folder / f"{name}.md", page())
    (DOCS / "notebooks").mkdir(exist_ok=True)
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        write(DOCS / "notebooks" / notebook.name, notebook.read_text(encoding="utf-8"))


def write(file: Path, text: str) -> None:
    """Write a file only if it changes: Sphinx reads what is newer than its last build."""
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def link_copies(app: Sphinx, page: str, source: list[str]) -> None:
    """Point links to the notebooks and to CONTRIBUTING.md, which are outside of docs/, at their copies in the site."""
    source[0] = (
        source[0].replace("](../notebooks/", "](notebooks/").replace("](../CONTRIBUTING.md)", "](contributing.md)")
    )


def skip_added(app: Sphinx, kind: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what Python and scikit-learn add to a class: fields of named tuples, requests for metadata."""
    return name.endswith("_request") or (inspect.getdoc(thing) or "").startswith("Alias for field number") or None


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for sources."""
    app.connect("config-inited", lambda app, config: write_pages(app))
    app.connect("source-read", link_copies)
    app.connect("autodoc-skip-member", skip_added)
    return {"parallel_read_safe": True}
