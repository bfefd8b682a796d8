"""What the terminal shows of a sweep: at 80 and at 120 columns, of many stacks, and where there is no terminal."""

import io
import re
import threading
from itertools import cycle, islice

import numpy as np
import pytest
from rich.console import Console, Group

from flows.sweep import display
from flows.sweep.display import bars, print_lines, showing
from flows.sweep.events import EpochEnded, StackBegan, StackState, SweepPlanned, SweepState
from flows.sweep.progress import Progress

FRACTIONS = {0.0: 0.942, 0.25: 0.921, 0.5: 0.881, 0.75: 0.807, 1.0: 0.103}
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")  # all but the end of a line


def stack(cells: int, epoch: int, phase: str = "training", title: str = "seeds 0-9", fractions=FRACTIONS) -> StackState:
    of_cells = tuple(islice(cycle(fractions), max(cells, len(fractions))))[:cells]
    begun = None if phase == "loading" else 100.0
    accuracies = np.array([FRACTIONS[fraction] if begun else np.nan for fraction in of_cells])
    return StackState(StackBegan(title, of_cells, cells), 130.0, accuracies, phase, epoch, begun)


def sweep(*stacks: StackState, cells: int = 50, epochs: int = 30, waiting_for: str = "") -> SweepState:
    return SweepState(SweepPlanned(cells, 0, cells, epochs, waiting_for), dict(enumerate(stacks)))


LONG = "seeds 100-131, hidden 100,100, rows 60000, inputs shuffled_pixels"
SWEEPS = {
    "planned": sweep(),
    "loading": sweep(stack(25, 0, "loading"), stack(25, 0, "loading")),
    "training": sweep(stack(25, 12, fractions=[0.0, 0.25, 0.5]), stack(25, 11, fractions=[0.5, 0.75, 1.0])),
    "50 stacks": sweep(*[stack(32, 9, title=LONG)] * 50, cells=10_000),
    "many epochs": sweep(stack(1, 12345), epochs=100_000),
    "compared": sweep(stack(50, 30, "done")),
    "waiting": sweep(cells=1000, waiting_for="0123456789abcdef" * 2),
}


def shown(state: SweepState, width: int, height: int = 24) -> list[str]:
    """The lines on a terminal."""
    console = Console(width=width, height=height, record=True, file=io.StringIO())
    console.print(bars(state, width, height, now=130.0))
    return [line.rstrip() for line in console.export_text().splitlines()]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", SWEEPS)
def test_nothing_is_wrapped_and_nothing_but_a_long_title_is_cut(name, width):
    state = SWEEPS[name]
    lines = shown(state, width, height=100)
    with_bars = [line for line in lines if "━" in line or "done" in line or "loading" in line]
    assert max(map(len, lines)) <= width
    assert len(with_bars) == (0 if name == "waiting" else len(state.running) + 1)
    for line in lines:
        cut = re.sub(r"^seeds 100-131, hidd\S*.*?…", "", line)
        assert "…" not in cut.removesuffix("  …"), "accuracies that do not fit are left out as a whole"


@pytest.mark.parametrize("width", [80, 120])
def test_stacks_and_total_are_shown_with_epoch_accuracy_by_fraction_and_time_left(width):
    first, second, total, accuracy = shown(SWEEPS["training"], width)
    assert re.fullmatch(
        r"seeds 0-9 +━+ +epoch 12/30  0: 94\.2 %  0\.25: 92\.1 %  0\.5: 88\.1 %", re.sub("[╸╺]", "━", first)
    )
    assert "epoch 11/30" in second
    assert second.endswith("0.5: 88.1 %  0.75: 80.7 %  1: 10.3 %")
    # 25 cells at epoch 12 and 25 at 11 of 30: 575 of 1500 epochs in 30 s, so 48 s for the others.
    assert total.startswith("0 of 50 cells ")
    assert "38 % done" in total
    assert total.endswith("about 48 s left")
    assert accuracy == "test accuracy  0: 94.2 %  0.25: 92.1 %  0.5: 88.1 %  0.75: 80.7 %  1: 10.3 %"


@pytest.mark.parametrize("width", [80, 120])
def test_before_the_first_epoch_each_stack_says_what_it_does_and_for_how_long(width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(bars(SWEEPS["loading"], width, 24, now=142.0))
    loading, _, _ = console.export_text().splitlines()
    assert "loading, 12 s" in loading
    assert "fractions 0, 0.25, 0.5, 0.75, 1" in loading


@pytest.mark.parametrize("height", [10, 24, 40])
def test_more_stacks_than_lines_do_not_scroll_the_terminal(height):
    lines = shown(SWEEPS["50 stacks"], 80, height)
    assert len(lines) < height
    visible = sum("epoch 9/30" in line for line in lines)
    assert visible >= height - 6
    assert lines[-1] == f"{50 - visible} more stacks run, 8400 cells wait"


def test_a_preparation_shows_its_time_and_is_cut_to_one_line():
    state = SweepState(preparing="Waiting for a server with a long name", begun=130.0)
    console = Console(width=30, record=True, file=io.StringIO())
    console.print(Group(bars(state, 30, 24, now=142.0)))
    (line,) = console.export_text().splitlines()
    assert line.startswith("12 s  Waiting for")
    assert line.endswith("…")


@pytest.fixture
def log(monkeypatch) -> str:
    """What a log gets of a sweep of one stack that trains an epoch between any two looks at it."""
    epochs, file, over = iter(range(31)), io.StringIO(), threading.Event()
    progress = Progress()
    progress.state = sweep(stack(50, 0))

    def next_epoch(seconds: float) -> bool:
        epoch = next(epochs, None)
        if epoch is not None:
            progress.take(EpochEnded(epoch, {"test/accuracy": np.full(50, np.nan)}, time=130.0), 0)
        return epoch is None

    monkeypatch.setattr(display, "LINE_SECONDS", 1000.0)
    monkeypatch.setattr(display, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(over, "wait", next_epoch)
    print_lines(progress, Console(file=file, width=80), over)
    return file.getvalue()


def test_without_a_terminal_each_tenth_of_the_work_is_one_plain_line(log):
    assert CONTROL.search(log) is None
    lines = log.splitlines()
    assert len(lines) == 11, "one at the beginning, one each tenth"
    assert all(line.startswith("0 of 50 cells done, ") for line in lines), "none is broken at 80 columns"
    assert [re.search(r"epoch (\d+) of 30", line)[1] for line in lines[1:]] == [str(3 * i) for i in range(1, 11)]
    assert all(re.search(r"test accuracy 0: 94\.2 %, .*1: 10\.3 %", line) for line in lines)
    assert all(re.search(r", about \d+ s left$", line) for line in lines[1:-1])


def starting() -> Progress:
    """The progress of a command that has only just begun."""
    progress = Progress()
    progress.prepare("Starting")
    return progress


def test_what_ends_within_two_seconds_prints_no_plain_line():
    file = io.StringIO()
    with showing(starting(), Console(file=file)):
        pass
    assert file.getvalue() == ""


def test_plain_lines_are_flushed_at_once_and_hide_no_cursor(monkeypatch):
    monkeypatch.setattr(display, "FIRST_SECONDS", 0.0)

    class Log(io.StringIO):
        seen = ""

        def flush(self) -> None:
            self.seen = self.getvalue()

    file = Log()
    with showing(starting(), Console(file=file)):
        pass
    assert file.seen == "0 s  Starting …\n"


def test_the_cursor_is_shown_again_when_a_display_is_interrupted():
    file = io.StringIO()
    with pytest.raises(KeyboardInterrupt), showing(starting(), Console(file=file, force_terminal=True)):
        raise KeyboardInterrupt
    hidden, shown_again = file.getvalue().rfind("\x1b[?25l"), file.getvalue().rfind("\x1b[?25h")
    assert 0 <= hidden < shown_again
