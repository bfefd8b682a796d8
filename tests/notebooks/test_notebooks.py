"""The notebooks run from top to bottom on the embedded digits in a real kernel, and are stored without outputs."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
FIGURES = {"1_descent": 3, "2_network": 6, "3_what_it_learned": 2, "4_memorization": 5, "5_minima": 5, "6_noise": 3}
CELL_TIMEOUT = 600  # seconds; ends a cell that hangs


def test_there_are_six_notebooks():
    assert [path.stem for path in NOTEBOOKS] == sorted(FIGURES)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_draws_all_its_figures_and_writes_nothing_to_stderr(path, tmp_path, monkeypatch):
    monkeypatch.setenv("MLP_DATA", "digits")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    book = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(book, timeout=CELL_TIMEOUT, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == FIGURES[path.stem]
    assert not [output for output in outputs if output.get("name") == "stderr"]
