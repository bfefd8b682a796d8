"""The house stays readable: few rooms, no long modules."""

from pathlib import Path

import pytest

import flows
import mlp

ROOMS, LINES = 10, 300


def test_the_workflow_has_at_most_ten_rooms():
    entries = {path.name for path in Path(flows.__file__).parent.iterdir()} - {"__init__.py", "__pycache__"}
    assert len(entries) <= ROOMS


@pytest.mark.parametrize("package", [mlp, flows])
def test_no_module_is_longer_than_a_reader_likes(package):
    folder = Path(package.__file__).parent
    lines = {path.relative_to(folder): len(path.read_text("utf-8").splitlines()) for path in folder.rglob("*.py")}
    assert {path: count for path, count in lines.items() if count > LINES} == {}
