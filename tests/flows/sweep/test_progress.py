"""Stacks of a sweep take turns, and none waits for one that it can't see."""

import time

import pytest
from filelock import FileLock

from flows.sweep.progress import ProgressFolder


def test_one_stack_has_the_turn_and_the_next_has_it_after_that(tmp_path):
    progress = ProgressFolder(tmp_path)
    with progress.turn(0) as mine, progress.turn(0) as others:
        assert (mine, others) == (True, False)
    with progress.turn(0) as mine:
        assert mine


def test_a_stack_waits_for_its_turn_as_long_as_it_said(tmp_path):
    progress, begun = ProgressFolder(tmp_path), time.monotonic()
    with progress.turn(0), progress.turn(0.2) as mine:
        assert not mine
        assert time.monotonic() - begun >= 0.2


def test_the_turn_ends_with_an_error_too(tmp_path):
    progress = ProgressFolder(tmp_path)
    with pytest.raises(ValueError, match="training"), progress.turn(0):
        raise ValueError("training")
    with progress.turn(0) as mine:
        assert mine


def test_on_another_machine_it_is_always_ones_turn_and_no_folder_is_made(tmp_path):
    progress = ProgressFolder(tmp_path / "elsewhere")
    with progress.turn(0) as mine, progress.turn(0) as others:
        assert mine
        assert others
    assert not progress.folder.exists()


def test_without_room_for_a_lock_nobody_waits(tmp_path, monkeypatch):
    def full(lock: FileLock, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileLock, "acquire", full)
    with ProgressFolder(tmp_path).turn(30) as mine:
        assert mine
