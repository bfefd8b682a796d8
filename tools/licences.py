"""Print the licence of every direct dependency as a table in Markdown, from the metadata of what is installed."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAMES = {"BSD License": "BSD", "MIT License": "MIT", "Apache Software License": "Apache-2.0"}


def licence(name: str) -> str:
    """The licence of an installed package: its SPDX expression, or the name of its classifier."""
    metadata = distribution(name).metadata
    classifiers = [text.split(" :: ")[-1] for text in metadata.get_all("Classifier") or [] if "License" in text]
    named = ", ".join(NAMES.get(text, text) for text in classifiers) or metadata["License"]
    return metadata.get("License-Expression") or named


def table(requirements: list[str]) -> list[str]:
    """A row for each package that is installed."""
    rows = []
    for name in sorted({re.match(r"[\w-]+", text)[0] for text in requirements} - {PROJECT["name"]}, key=str.lower):
        try:
            rows.append(f"| {name} | {licence(name)} |")
        except PackageNotFoundError:
            rows.append(f"| {name} | not installed here |")
    return rows


extras = [text for name in ("dask", "ray", "postgres") for text in PROJECT["optional-dependencies"][name]]
print("| package | licence |\n|---|---|", *table(PROJECT["dependencies"]), sep="\n")
print("\nOptional:\n\n| package | licence |\n|---|---|", *table(extras), sep="\n")
