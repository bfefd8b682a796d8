"""The progress of a command on the terminal; where there is no terminal, as plain lines."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flows.sweep.events import StackState, SweepState, accuracy_text, duration
from flows.sweep.progress import Progress

REFRESHES = 4  # a second
LINE_SECONDS = 10.0  # between plain lines
FIRST_SECONDS = 2.0  # until the first one: what is refused before has one line, its refusal
LINES_BELOW = 5  # what the display needs below the bars of the stacks
WIDE = 100  # columns from which bars are longer


def bars(state: SweepState, width: int, height: int, now: float) -> RenderableType:
    """One bar for each running stack and one for all, each in one line of the width, in fewer lines than the height."""
    plan = state.plan
    if not plan or state.waiting_text:
        return one_line(state.describe(now))
    shown = state.running[: max(height - LINES_BELOW, 1)]
    titles = [stack.began.title for stack in shown] + [f"{state.cells_done} of {plan.cells} cells"]
    shares = [stack.share(plan.epochs) for stack in shown] + [state.share_done]
    phases = [stack.doing(plan.epochs, now) for stack in shown] + [f"{100 * shares[-1]:.0f} % done"]
    bar_width = 20 if width >= WIDE else 12
    phase_width = max(map(len, phases))
    rest = width - bar_width - phase_width - 6  # for titles and accuracies; two spaces separate the columns
    wanted = max((len(stack_text(stack, width)) for stack in shown), default=0)
    title_width = min(max(map(len, titles)), max(rest - wanted, rest // 2, len(titles[-1])))
    texts = [stack_text(stack, rest - title_width) for stack in shown] + [time_text(state, now)]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=title_width, no_wrap=True, overflow="ellipsis")
    table.add_column(width=bar_width)
    table.add_column(width=phase_width, no_wrap=True, style="cyan")
    table.add_column(no_wrap=True, overflow="ellipsis")
    for title, share, phase, text in zip(titles, shares, phases, texts, strict=True):
        table.add_row(Text(title), ProgressBar(1.0, share, width=bar_width, complete_style="cyan"), phase, text)
    label = "test accuracy  "
    below = [label + text] if (text := accuracy_text(state.stacks, width - len(label))) else []
    below += [text] if (text := others_text(state, len(shown))) else []
    return Group(table, *map(one_line, below))


def one_line(text: str) -> Text:
    """A text that is cut to the width of the terminal."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def stack_text(stack: StackState, width: int) -> str:
    """The test accuracies of a stack, or its fractions before they are measured."""
    fractions = ", ".join(f"{fraction:g}" for fraction in dict.fromkeys(stack.began.fractions))
    return accuracy_text([stack], width) or f"fractions {fractions}"


def time_text(state: SweepState, now: float) -> str:
    """The time left, or what is done instead of training."""
    if state.plan and state.cells_done >= state.plan.cells:
        return "comparing the cells"
    left = state.seconds_left(now)
    return "" if left is None else f"about {duration(left)} left"


def others_text(state: SweepState, shown: int) -> str:
    """Tell how much is running without a bar of its own, and how much waits; empty if there is nothing of both."""
    hidden = len(state.running) - shown
    waiting = state.plan.cells - sum(stack.cells for stack in state.stacks) if state.plan and state.stacks else 0
    return ", ".join([f"{hidden} more stacks run"] * (hidden > 0) + [f"{waiting} cells wait"] * (waiting > 0))


@contextmanager
def showing(progress: Progress, console: Console) -> Iterator[None]:
    """Show the state of a sweep while the block runs."""
    if console.is_interactive:
        with Live(
            get_renderable=lambda: bars(progress.state, console.width, console.height, time.time()),
            console=console,
            refresh_per_second=REFRESHES,
            transient=True,
        ):
            yield
        return
    over = threading.Event()
    thread = threading.Thread(target=print_lines, args=(progress, console, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def print_lines(progress: Progress, console: Console, over: threading.Event) -> None:
    """Print the state in one line after two seconds, every ten and at each tenth of the training, until it is over."""
    last, tenths = time.monotonic() - LINE_SECONDS + FIRST_SECONDS, 0
    while True:
        now, state = time.monotonic(), progress.state
        if now - last >= LINE_SECONDS or int(10 * state.share_done) > tenths:
            last, tenths = now, int(10 * state.share_done)
            console.print(state.describe(), highlight=False, soft_wrap=True, markup=False)
        if over.wait(1 / REFRESHES):
            return
