"""What `mlp run` prints in a terminal, and where there is none."""

import re

import pytest

from tests.system.test_crash import Terminal

pytestmark = pytest.mark.system

SWEEP = """
name: shown
data: {name: digits}
networks: [{hidden: [16]}, {hidden: [24]}]
descent: {epochs: 40, learning_rate: 1.0}
corruption: {fractions: [0, 0.5]}
seeds: 0-3
"""
CHARTS = r"http://127\.0\.0\.1:5000/#/experiments/\d+/runs\?viewStateShareKey=\S+"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")  # all but the end of a line


@pytest.fixture
def folder(workplace):
    """A folder with an experiment of 16 cells."""
    (workplace.folder / "sweep.yaml").write_text(SWEEP)
    return workplace


def check_links(lines: list[str], times: int = 2) -> None:
    """The charts, at the start and at the end, the report, and the command that compares, each below its title."""
    charts = [place for place, line in enumerate(lines) if "http://127.0.0.1:5000" in line]
    assert len(charts) == times
    for place in charts:
        assert re.fullmatch(CHARTS, lines[place]), "nothing else is on the line"
        assert lines[place - 1] == "Charts, while `mlp ui` runs:"
    assert re.fullmatch(r"\S+/report\.html", lines[lines.index("Report:") + 1])
    assert lines[lines.index("Compare:") + 1].startswith("mlp compare shown --baseline ")


def test_in_a_terminal_links_stand_alone_and_the_display_is_as_wide_as_the_terminal_at_most(folder):
    folder.variables.update(COLUMNS="80", LINES="24", TERM="xterm")
    terminal = Terminal(folder)
    assert terminal.exit_code(240) == 0
    said = terminal.said.decode()
    assert said.rfind("\x1b[?25h") > said.rfind("\x1b[?25l") > 0, "the cursor is shown at the end"
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said))
    check_links([line.rstrip() for line in lines])
    started = next(place for place, line in enumerate(lines) if re.fullmatch(CHARTS, line))
    assert any("of 16 cells" in line for line in lines[started:]), "the link is printed before the training"
    assert not any("of 16 cells" in line for line in lines[:started])
    shown = [line for line in lines if re.match(r"seeds |\d+ of 16 cells|test accuracy|\d+ s  ", line)]
    assert max(map(len, shown)) <= 80


def test_in_a_pipe_there_are_whole_plain_lines(folder):
    done = folder.mlp("run", "sweep.yaml")
    assert done.returncode == 0, done.stderr
    assert CONTROL.search(done.stdout) is None
    lines = done.stdout.splitlines()
    check_links(lines)
    told = [line for line in lines if "of 16 cells done" in line]
    assert told
    assert any(re.search(r"epoch \d+(–\d+)? of 40, test accuracy 0: \d+\.\d %, 0\.5: \d+\.\d %", line) for line in told)
    again = folder.mlp("run", "sweep.yaml")
    assert "16 cells were done before; nothing to train." in again.stdout
    check_links(again.stdout.splitlines(), times=1)
