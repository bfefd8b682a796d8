"""The threads of a sweep share the wish to stop, and its caller hands over what it has prepared."""

import time

import pytest

from flows.sweep.progress import Prepared, Progress, Stopped, prepared_by_caller, preparing


def test_whoever_waits_returns_when_the_sweep_is_asked_to_stop():
    progress, begun = Progress(), time.monotonic()
    progress.wait(0.3)
    assert time.monotonic() - begun >= 0.3
    progress.check()
    progress.stopping = True
    progress.wait(30)
    assert time.monotonic() - begun < 10
    with pytest.raises(Stopped):
        progress.check()


def test_a_sweep_finds_what_its_caller_has_prepared_and_the_next_one_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepared = Prepared()
    with preparing(prepared), prepared_by_caller() as found:
        assert found is prepared
    with prepared_by_caller() as found:
        assert found is not prepared
    assert prepared.progress.ended, "nothing is left that a second Ctrl-C would have to end"
    assert list((tmp_path / "mlruns" / "temporary").iterdir()) == []
