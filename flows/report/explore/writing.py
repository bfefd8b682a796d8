"""The page as one file: its modules, styles and texts, and the content, put into the template."""

import json
import re
from base64 import b64encode
from importlib.resources import files
from typing import Any

import pandas as pd
from markupsafe import Markup
from mlflow import MlflowClient

from flows.report.compare import Comparison
from flows.report.explore.content import content
from flows.report.templates import TEMPLATES
from flows.store.artifacts import read_experiment
from flows.store.results import Selection

PAGE = files("flows.report.explore") / "page"
GENERATOR = '<meta name="generator" content="mlp-flows explore">'  # by which a page is known
LANGUAGE = "en"  # the file of texts


def write_page(client: MlflowClient, selection: Selection, comparison: Comparison, points: pd.DataFrame) -> str:
    """The page on a selection of cells; for the other parameters and the errors see `content`."""
    test_rows = read_experiment(client, selection.sweep).data.test_rows if selection.sweep else None
    facts, packed = content(client, comparison, points, test_rows)
    texts = json.loads((PAGE / f"{LANGUAGE}.json").read_text(encoding="utf-8"))
    cells = comparison.cells
    return TEMPLATES.get_template("explore/page/page.html").render(
        generator=Markup(GENERATOR),
        name=selection.title,
        data_name=", ".join(map(str, cells["data"].unique())),
        sweep=selection.sweep.info.run_name if selection.sweep else selection.title,
        date=f"{cells['started'].max():%Y-%m-%d}",
        digits=facts["classes"] == [str(number) for number in range(len(facts["classes"]))],
        facts=facts,
        texts=texts,
        facts_json=as_json(facts),
        texts_json=as_json(texts),
        packed=packed,
        import_map=as_json({"imports": modules()}),
        styles=Markup((PAGE / "style.css").read_text(encoding="utf-8")),
    )


def as_json(value: Any) -> Markup:
    """JSON that is safe inside a script element."""
    return Markup(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))


def modules() -> dict[str, str]:
    """The address of each module: a data URL with its source.

    On disk the modules import each other by relative paths. No such path could start from a data URL,
    so that here they import each other by name, which the import map of the page translates.
    """
    sources = {file.name: file.read_text(encoding="utf-8") for file in PAGE.iterdir() if file.name.endswith(".js")}
    named = {name: re.sub(r'from "\./(\w+\.js)"', r'from "\1"', source) for name, source in sorted(sources.items())}
    return {name: f"data:text/javascript;base64,{b64encode(text.encode()).decode()}" for name, text in named.items()}
