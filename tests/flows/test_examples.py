"""The examples in docstrings (``>>>``) of both packages print what they say; those of a sweep find one."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from flows.plan.configuration import load_experiment

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for package in ("mlp", "flows")
    for file in (ROOT / package).rglob("*.py")
    if ">>> " in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name, store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    store.sweep(load_experiment("demo"), lambda cell: {"test/accuracy": 0.9})
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
