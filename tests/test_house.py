"""The house has few rooms, and a public face that stays."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import flows
import mlp

ROOMS = 10


@pytest.mark.parametrize("package", [mlp, flows])
def test_a_package_has_at_most_ten_rooms(package):
    folder = Path(package.__file__).parent
    assert len({path.name for path in folder.iterdir()} - {"__init__.py", "__pycache__", "py.typed"}) <= ROOMS


@pytest.mark.parametrize("package", [mlp, flows])
def test_the_public_face_is_all_that_a_package_shows(package):
    assert dir(package) == sorted(package.__all__)
    assert all(getattr(package, name) is not None for name in package.__all__)


def test_a_model_that_an_earlier_version_registered_finds_the_modules_that_it_imports():
    code = """
import mlp
from mlp.network import Network
from mlp.preprocessing import PREPROCESSES
from mlp.weights import read_weights
assert (Network, PREPROCESSES, read_weights) == (mlp.Network, mlp.PREPROCESSES, mlp.read_weights)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_every_test_that_the_threat_model_names_exists():
    root = Path(__file__).parents[1]
    named = set(re.findall(r"`(test_\w+)`", (root / "docs" / "security.md").read_text(encoding="utf-8")))
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (root / "tests").rglob("test_*.py"))
    assert len(named) > 10
    assert named <= set(re.findall(r"def (test_\w+)", tests))
