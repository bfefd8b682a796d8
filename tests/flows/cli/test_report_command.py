"""`mlp report` writes the report of a sweep, says where it is, and opens it."""

import subprocess
import webbrowser
from pathlib import Path

import pytest

from flows.cli.main import answer
from flows.plan.experiment import Experiment


@pytest.fixture(scope="module")
def swept(new_store):
    """A store with two sweeps of one experiment and one of another."""
    store = new_store()
    store.sweep_ids = []
    for name, seeds in (("mine", "0-2"), ("mine", "0-4"), ("other", "0-1")):
        experiment = Experiment(name=name, seeds=seeds, data={"name": "digits", "side": 8})
        store.sweep_ids.append(store.sweep(experiment, lambda cell: {"test/accuracy": 0.9}, weights=True)[0])
    return store


@pytest.fixture
def opened(tmp_path, monkeypatch) -> list[str]:
    """The addresses that are opened in the browser, by a command in an empty folder."""
    addresses: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(addresses.append(address)))
    return addresses


def report(store, *arguments: str) -> int:
    return answer(["report", "--tracking-uri", store.uri, *arguments])


def test_the_report_of_the_latest_sweep_is_written_here_printed_and_opened(swept, opened, tmp_path, capsys):
    assert report(swept) == 0
    page = tmp_path / "report.html"
    assert "<h1>other</h1>" in page.read_text(encoding="utf-8")
    assert capsys.readouterr().out == f"Report: {page}\n"
    assert opened == [page.as_uri()]


def test_an_experiment_stands_for_its_latest_sweep_and_a_run_id_for_that_sweep(swept, opened, tmp_path):
    assert report(swept, "mine") == 0
    assert "<li>5 networks</li>" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert report(swept, swept.sweep_ids[0]) == 0
    assert "<li>3 networks</li>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_with_no_open_it_is_only_written(swept, opened, tmp_path, capsys):
    assert report(swept, "--no-open", "--output", "a b [c].html") == 0
    assert (tmp_path / "a b [c].html").exists()
    assert capsys.readouterr().out == f"Report: {tmp_path / 'a b [c].html'}\n"
    assert opened == []


@pytest.mark.parametrize("name", ["notes.html", "folder"])
def test_what_is_not_a_report_is_never_overwritten(swept, opened, tmp_path, capsys, name):
    (tmp_path / "notes.html").write_text("<!doctype html>mine")
    (tmp_path / "folder").mkdir()
    assert report(swept, "--output", name) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"mlp: --output: {name} given, which is not a report; allowed: a new file or a report"
    ]
    assert (tmp_path / "notes.html").read_text() == "<!doctype html>mine"
    assert opened == []


def test_a_report_is_overwritten(swept, opened, tmp_path):
    for source in ("mine", "other"):
        assert report(swept, source, "--no-open") == 0
    assert "<h1>other</h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_an_unknown_experiment_is_refused_and_nothing_is_written(swept, opened, tmp_path, capsys):
    assert report(swept, "nothing") == 2
    assert "'nothing' given; allowed: mine, other" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_can_not_be_written_has_a_report_too(swept, opened, tmp_path):
    folder = swept.folder
    if subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True).returncode:
        pytest.skip("this user can't mount a file system")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        with pytest.raises(OSError, match="Read-only"):
            Path(folder, "new").touch()
        assert report(swept, "mine") == 0
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    assert "<h1>mine</h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_to_draw_in_is_written_here_printed_and_opened(swept, opened, tmp_path, capsys):
    assert answer(["explore", "mine", "--tracking-uri", swept.uri]) == 0
    page = tmp_path / "explore.html"
    assert "mine · 5 networks trained on digits" in page.read_text(encoding="utf-8")
    assert capsys.readouterr().out == f"Page: {page}\n"
    assert opened == [page.as_uri()]


def test_the_page_to_draw_in_does_not_take_the_place_of_a_report(swept, opened, tmp_path, capsys):
    assert report(swept, "--no-open") == 0
    assert answer(["explore", "--no-open", "--output", "report.html", "--tracking-uri", swept.uri]) == 2
    assert "--output: report.html given, which is not a page; allowed: a new file or a page" in capsys.readouterr().err
    assert "<h1>other</h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")
