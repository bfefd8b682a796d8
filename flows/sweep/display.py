"""The progress of a command on the terminal; where there is no terminal, as plain lines."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flows.sweep.states import (
    State,
    States,
    accuracy_text,
    cells_done,
    describe,
    duration,
    phase_text,
    running,
    seconds_left,
    share_done,
    share_of,
    stacks_of,
    waiting_text,
)

REFRESHES = 4  # a second
LINE_SECONDS = 10.0  # between plain lines
FIRST_SECONDS = 2.0  # until the first one: what is refused before has one line, its refusal
LINES_BELOW = 5  # what the display needs below the bars of the stacks
WIDE = 100  # columns from which bars are longer


class Preparation:
    """What a command does before its sweep begins."""

    def __init__(self, text: str) -> None:
        self.text, self.begun = text, time.time()

    def change(self, text: str) -> None:
        """Show another text from now on."""
        self.text = text.removesuffix(" …")

    def line(self) -> str:
        """The time since the beginning and the text."""
        return f"{duration(time.time() - self.begun)}  {self.text} …"

    def tenths(self) -> int:
        """Its share done is not known."""
        return 0

    def picture(self, width: int, height: int) -> RenderableType:
        """The line, cut to the width."""
        return one_line(self.line())


class SweepProgress:
    """What a sweep does, read from the states of its stacks."""

    def __init__(self, read: Callable[[], States]) -> None:
        self.read, self.planning = read, Preparation("Looking up which cells are done")

    def line(self) -> str:
        """The states in one line."""
        states = self.read()
        return describe(states) if "sweep" in states else self.planning.line()

    def tenths(self) -> int:
        """How many tenths of the training are done."""
        states = self.read()
        return int(10 * share_done(states)) if "sweep" in states else 0

    def picture(self, width: int, height: int) -> RenderableType:
        """The states as bars."""
        states = self.read()
        if "sweep" not in states:
            return self.planning.picture(width, height)
        return bars(states, width, height, time.time())


def bars(states: States, width: int, height: int, now: float) -> RenderableType:
    """One bar for each running stack and one for all, each in one line of the width, in fewer lines than the height."""
    plan, active = states["sweep"], running(states)
    if plan.get("waiting") and not active:
        return one_line(waiting_text(plan))
    shown = active[: max(height - LINES_BELOW, 1)]
    titles = [stack["title"] for stack in shown] + [f"{cells_done(states)} of {plan['cells']} cells"]
    shares = [share_of(stack, plan["epochs"]) for stack in shown] + [share_done(states)]
    phases = [phase_text(stack, plan["epochs"], now) for stack in shown] + [f"{100 * shares[-1]:.0f} % done"]
    bar_width = 20 if width >= WIDE else 12
    phase_width = max(map(len, phases))
    rest = width - bar_width - phase_width - 6  # for titles and accuracies; two spaces separate the columns
    wanted = max((len(stack_text(stack, width)) for stack in shown), default=0)
    title_width = min(max(map(len, titles)), max(rest - wanted, rest // 2, len(titles[-1])))
    texts = [stack_text(stack, rest - title_width) for stack in shown] + [time_text(states, now)]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=title_width, no_wrap=True, overflow="ellipsis")
    table.add_column(width=bar_width)
    table.add_column(width=phase_width, no_wrap=True, style="cyan")
    table.add_column(no_wrap=True, overflow="ellipsis")
    for title, share, phase, text in zip(titles, shares, phases, texts, strict=True):
        table.add_row(Text(title), ProgressBar(1.0, share, width=bar_width, complete_style="cyan"), phase, text)
    label = "test accuracy  "
    below = [label + text] if (text := accuracy_text(stacks_of(states), width - len(label))) else []
    below += [text] if (text := others_text(states, shown)) else []
    return Group(table, *map(one_line, below))


def one_line(text: str) -> Text:
    """A text that is cut to the width of the terminal."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def stack_text(stack: State, width: int) -> str:
    """The test accuracies of a stack, or its fractions before they are measured."""
    return accuracy_text([stack], width) or f"fractions {', '.join(stack['accuracies'])}"


def time_text(states: States, now: float) -> str:
    """The time left, or what is done instead of training."""
    if cells_done(states) >= states["sweep"]["cells"]:
        return "comparing the cells"
    left = seconds_left(states, now)
    return "" if left is None else f"about {duration(left)} left"


def others_text(states: States, shown: list[State]) -> str:
    """How much is running without a bar of its own, and how much waits; empty if there is nothing of both."""
    stacks, hidden = stacks_of(states), len(running(states)) - len(shown)
    waiting = states["sweep"]["cells"] - sum(stack["cells"] for stack in stacks)
    texts = [f"{hidden} more stacks run"] if hidden else []
    return ", ".join(texts + [f"{waiting} cells wait"] * (bool(stacks) and waiting > 0))


@contextmanager
def showing(view: Preparation | SweepProgress, console: Console) -> Iterator[None]:
    """Show a view while the block runs."""
    if console.is_interactive:
        with Live(
            get_renderable=lambda: view.picture(console.width, console.height),
            console=console,
            refresh_per_second=REFRESHES,
            transient=True,
        ):
            yield
        return
    over = threading.Event()
    thread = threading.Thread(target=print_lines, args=(view, console, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def print_lines(view: Preparation | SweepProgress, console: Console, over: threading.Event) -> None:
    """Print the line of a view after two seconds, every ten and at each tenth of the work, until it is over."""
    last, tenths = time.monotonic() - LINE_SECONDS + FIRST_SECONDS, 0
    while True:
        now = time.monotonic()
        if now - last >= LINE_SECONDS or view.tenths() > tenths:
            last, tenths = now, view.tenths()
            console.print(view.line(), highlight=False, soft_wrap=True, markup=False)
        if over.wait(1 / REFRESHES):
            return
