"""Generated mistakes, in options, files, variables and stores: each is refused in one line, soon, and changes nothing.

`REFUSALS` is their number, `SEED` chooses them; `make test-refusals` tries 300 and prints a table.
"""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.conftest import Workplace
from tests.system.mistakes import EXPERIMENT, Mistake, mistakes

pytestmark = [pytest.mark.system, pytest.mark.slow]

COUNT, SEED = int(os.environ.get("REFUSALS", "30")), int(os.environ.get("SEED", "0"))
SECONDS, HANGS = 10, 90  # within which each must be refused; after which it is ended
AT_ONCE = 2


@dataclass(frozen=True)
class Answer:
    """What a command did with a mistake."""

    mistake: Mistake
    seconds: float
    code: int | None  # None: it had to be ended
    said: str  # on standard error
    changed: set[str]  # files

    @property
    def faults(self) -> dict[str, bool]:
        """What a refusal must not do, and whether this one did."""
        return {
            "exit code": self.code != 2,
            "traceback": "Traceback" in self.said,
            "lines": self.said.count("\n") != 1,
            "text": not (self.said.startswith("mlp: ") and 10 < len(self.said) < 1200) or "secret" in self.said,
            "files": bool(self.changed),
        }

    def __str__(self) -> str:
        wrong = ", ".join(fault for fault, there in self.faults.items() if there)
        seen = f"exit code {self.code} after {self.seconds:.0f} s, changed {self.changed}, said {self.said[-600:]}"
        return f"{self.mistake}\n  {wrong or 'slow'}: {seen}"


@pytest.fixture(scope="module")
def trained(shared_workplace: Workplace) -> Path:
    """A folder with a store in which a sweep has finished."""
    (shared_workplace.folder / "mine.yaml").write_text(EXPERIMENT)
    done = shared_workplace.mlp("run", "mine.yaml")
    assert done.returncode == 0, done.stderr
    return shared_workplace.folder


def contents(folder: Path) -> Iterator[tuple[str, object]]:
    """What a refused command leaves as it is: every file but logs, locks and Prefect's; the runs in the store."""
    store = folder / "mlruns"
    for path in folder.rglob("*"):
        own = path.is_relative_to(store) and path.suffix not in (".new", ".draft", ".npz")
        # MLflow writes the other file whenever it opens a model.
        if not own or (path.is_relative_to(store / "artifacts") and path.name != "registered_model_meta"):
            yield str(path.relative_to(folder)), path.read_bytes() if path.is_file() else None
    try:
        yield "runs", Workplace(folder).query("select run_uuid, status from runs")
    except sqlite3.DatabaseError:
        yield "runs", "a damaged database"


def ask(mistake: Mistake, folder: Path, trained: Path) -> Answer:
    """Make a mistake in a folder of its own."""
    if mistake.in_store:
        shutil.copytree(trained, folder)
    else:
        folder.mkdir()
    (folder / "temporary").mkdir()
    mistake.prepare(folder)
    before = dict(contents(folder))
    variables = {"COLUMNS": "80", "TMPDIR": str(folder / "temporary")} | mistake.variables
    begun = time.monotonic()
    code, said = None, ""
    try:
        ended = Workplace(folder, variables).mlp(*mistake.arguments, timeout=HANGS)
        code, said = ended.returncode, ended.stderr
    except subprocess.TimeoutExpired:
        pass
    seconds = time.monotonic() - begun
    after = dict(contents(folder))
    changed = {name for name in before | after if before.get(name, "") != after.get(name, "")}
    if "runs" in changed and not (before["runs"] or after["runs"]):
        changed.remove("runs")
    shutil.rmtree(folder)
    return Answer(mistake, seconds, code, said, changed)


def table(answers: list[Answer]) -> str:
    """The faults by command."""
    kinds = list(answers[0].faults)
    rows = [["command", "tried", "slowest s", *kinds]]
    for command in [*sorted({answer.mistake.arguments[0] for answer in answers}), "all"]:
        of = [answer for answer in answers if command in (answer.mistake.arguments[0], "all")]
        faults = [str(sum(answer.faults[kind] for answer in of)) for kind in kinds]
        rows.append([command, str(len(of)), f"{max(answer.seconds for answer in of):.1f}", *faults])
    return "\n".join(f"{row[0]:<12}" + "".join(f"{cell:>11}" for cell in row[1:]) for row in rows)


def is_slow(answer: Answer, folder: Path, trained: Path) -> bool:
    """Whether a command is slow when it is tried again, and not only because the machine is busy."""
    seconds = min(ask(answer.mistake, folder, trained).seconds for _ in range(2))
    begun = time.monotonic()
    assert Workplace(trained).mlp("compare").returncode == 0
    usual = time.monotonic() - begun  # two or three seconds on a machine with nothing else to do
    return seconds > max(SECONDS, 4 * usual)


def test_every_mistake_is_refused_in_one_line_within_seconds_and_changes_nothing(trained, tmp_path):
    folders = [tmp_path / str(number) for number in range(COUNT)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(ask, mistakes(COUNT, SEED), folders, [trained] * COUNT))
    print(f"\n{table(answers)}")
    wrong = [answer for answer in answers if any(answer.faults.values())]
    late = [answer for answer in answers if answer.seconds > SECONDS and is_slow(answer, tmp_path / "again", trained)]
    assert not wrong + late, f"{len(wrong + late)} of {COUNT} with seed {SEED}:\n" + "\n".join(map(str, wrong + late))
