"""The events of a sweep: one stream, emitted by each stack wherever it trains, and read by small consumers.

`SweepState` folds it into the state that the terminal, Prefect's pages and MLflow's tag show, in words, too;
`flows.sweep.tracking` makes the MLflow runs of the cells from it.
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlp.nn.network import Parameters
from mlp.nn.weights import Snapshots

LINE_WIDTH = 80  # of the accuracies in a line that no terminal limits


@dataclass(frozen=True)
class SweepPlanned:
    """The cells that are trained next are known.

    Attributes
    ----------
    cells, done : int
        Cells to train, and cells that were done before.
    work : float
        About how long the cells train on one core, in seconds.
    epochs : int
        Epochs of the cells that train for longest.
    waiting_for : str
        Run id of another sweep that trains these cells; empty if this one does.
    """

    cells: int
    done: int
    work: float
    epochs: int
    waiting_for: str = ""


@dataclass(frozen=True)
class StackBegan:
    """A stack loads its data, or waits for the worker that will.

    Attributes
    ----------
    title : str
        Without the fractions of its cells.
    fractions : tuple of float
        Fractions of corrupted labels, one for each cell.
    work : float
        About how long it trains, in seconds.
    time : float
        Seconds since 1970, as in all events.
    """

    title: str
    fractions: tuple[float, ...]
    work: float
    time: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Loaded:
    """The data of a stack are loaded, and its cells begin to train.

    Attributes
    ----------
    data : dict
        Fields of `flows.plan.preparation.dataset_fields`.
    test_images : int
    sizes : tuple of int
        Neurons of each layer of every cell, inputs first.
    """

    data: dict[str, str]
    test_images: int
    sizes: tuple[int, ...]
    time: float = field(default_factory=time.time)


@dataclass(frozen=True)
class EpochEnded:
    """The metrics (cells,) after an epoch, by name; epoch 0 is before the first step."""

    epoch: int
    metrics: dict[str, NDArray]
    time: float = field(default_factory=time.time)


@dataclass(frozen=True)
class CellTrained:
    """The result of a cell, after the last epoch of its stack.

    Attributes
    ----------
    time : float
        When the training of the stack ended.
    index : int
        Index of the cell in its stack.
    epochs : int
        The last epoch that it was trained for.
    diverged : bool
        True if its cost was not finite then; the other attributes are empty in this case.
    metrics : dict
        The final metrics.
    parameters : Parameters
    snapshots : Snapshots
        Parameters of earlier epochs.
    """

    time: float
    index: int
    epochs: int
    diverged: bool
    metrics: dict[str, float]
    parameters: Parameters
    snapshots: Snapshots


@dataclass(frozen=True)
class StackEnded:
    """The runs of a stack are delivered, or kept in the outbox."""

    time: float = field(default_factory=time.time)


StackEvent: TypeAlias = StackBegan | Loaded | EpochEnded | CellTrained | StackEnded


def duration(seconds: float) -> str:
    """A length of time with two digits or so: ``25 s``, ``12 min``, ``2 h 10 min``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


@dataclass(frozen=True)
class StackState:
    """The state of one stack.

    Attributes
    ----------
    began : StackBegan
    time : float
        When this state began, in seconds since 1970.
    accuracies : NDArray
        The latest test accuracy (cells,) of each cell; NaN before it is measured.
    phase : {"loading", "training", "saving", "done"}
    epoch : int
    training_began : float or None
        Seconds since 1970.
    """

    began: StackBegan
    time: float
    accuracies: NDArray[np.float64]
    phase: str = "loading"
    epoch: int = 0
    training_began: float | None = None

    def after(self, event: StackEvent) -> "StackState":
        """The state after a later event."""
        match event:
            case Loaded():
                return replace(self, phase="training", training_began=event.time, time=event.time)
            case EpochEnded():
                # Cells that have ended keep their last accuracy.
                measured = event.metrics["test/accuracy"]
                latest = np.where(np.isfinite(measured), measured, self.accuracies)
                return replace(self, epoch=event.epoch, accuracies=latest, time=event.time)
            case CellTrained() if self.phase == "training":
                return replace(self, phase="saving", time=event.time)
            case StackEnded():
                return replace(self, phase="done", time=event.time)
        return self

    @property
    def cells(self) -> int:
        """Number of its cells."""
        return len(self.began.fractions)

    def share(self, epochs: int) -> float:
        """Share of its epochs that have been trained; a stack may end before its last epoch."""
        return 1.0 if self.phase in ("saving", "done") else self.epoch / epochs

    def doing(self, epochs: int, now: float) -> str:
        """Its epoch, or its phase and for how long."""
        if self.phase == "training" and self.epoch:
            return f"epoch {self.epoch}/{epochs}"
        return f"{self.phase}, {duration(now - self.time)}"


@dataclass(frozen=True)
class SweepState:
    """The state of a sweep: its plan, and its stacks in the order in which they were planned.

    Attributes
    ----------
    preparing : str
        What is done until there is a plan, since a time in seconds since 1970.
    """

    plan: SweepPlanned | None = None
    by_number: dict[int, StackState] = field(default_factory=dict)
    preparing: str = "Looking up which cells are missing"
    begun: float = field(default_factory=time.time)

    def after(self, event: StackEvent, number: int) -> "SweepState":
        """The state after an event of the stack of this number."""
        if isinstance(event, StackBegan):
            return self.with_stack(number, StackState(event, event.time, np.full(len(event.fractions), np.nan)))
        return self.with_stack(number, self.by_number[number].after(event))

    def with_stack(self, number: int, stack: StackState) -> "SweepState":
        """The state with another state of the stack of this number."""
        return replace(self, by_number=dict(sorted((self.by_number | {number: stack}).items())))

    @property
    def stacks(self) -> list[StackState]:
        """The stacks that have begun."""
        return list(self.by_number.values())

    @property
    def running(self) -> list[StackState]:
        """The stacks that have begun and have not ended."""
        return [stack for stack in self.stacks if stack.phase != "done"]

    @property
    def cells_done(self) -> int:
        """Number of cells that have been trained and saved."""
        return sum(stack.cells for stack in self.stacks if stack.phase == "done")

    @property
    def share_done(self) -> float:
        """Share of the training of all cells that is done, from 0 to 1: large networks count more than small ones."""
        if not self.plan:
            return 0.0
        trained = sum(stack.began.work * stack.share(self.plan.epochs) for stack in self.stacks)
        return min(trained / self.plan.work, 1.0) if trained else 0.0

    def seconds_left(self, now: float) -> float | None:
        """The time left if training goes on at the average speed; None before the first epoch and after the last.

        The speed is the share done divided by the time from the start of the first training to the latest event.
        """
        begun = [stack.training_began for stack in self.stacks if stack.training_began]
        share = self.share_done
        if not begun or not 0 < share < 1:
            return None
        latest = max(stack.time for stack in self.stacks if stack.training_began)
        return max((latest - min(begun)) * (1 - share) / share - (now - latest), 1.0)

    @property
    def waiting_text(self) -> str:
        """The cells of another sweep for which this one waits; empty if it trains."""
        if not self.plan or not self.plan.waiting_for:
            return ""
        return f"waiting for {self.plan.cells} cells of another sweep (run {self.plan.waiting_for})"

    def describe(self, now: float | None = None) -> str:
        """The state in one line.

        Parameters
        ----------
        now : float, optional
            Seconds since 1970; the time of the call by default.
        """
        now = time.time() if now is None else now
        plan = self.plan
        if not plan:
            return f"{duration(now - self.begun)}  {self.preparing} …"
        if not self.stacks:
            return self.waiting_text or f"{plan.cells} cells to train, {plan.done} done before"
        parts = [f"{self.cells_done} of {plan.cells} cells done"]
        if training := [stack.epoch for stack in self.running if stack.phase == "training" and stack.epoch]:
            ends = dict.fromkeys((min(training), max(training)))
            parts.append(f"epoch {'–'.join(map(str, ends))} of {plan.epochs}")
        elif self.running:
            parts.append(self.running[0].doing(plan.epochs, now))
        elif self.cells_done >= plan.cells:
            parts.append("comparing them across seeds")
        if measured := accuracy_text(self.stacks, LINE_WIDTH, ", "):
            parts.append(f"test accuracy {measured}")
        if (left := self.seconds_left(now)) is not None:
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)


def mean_accuracies(stacks: Iterable[StackState]) -> dict[float, float]:
    """Mean test accuracy of the cells of some stacks by fraction of corrupted labels, in ascending order."""
    by_fraction: dict[float, list[float]] = defaultdict(list)
    for stack in stacks:
        for fraction, accuracy in zip(stack.began.fractions, stack.accuracies, strict=True):
            if np.isfinite(accuracy):
                by_fraction[fraction].append(float(accuracy))
    return {fraction: sum(values) / len(values) for fraction, values in sorted(by_fraction.items())}


def accuracy_text(stacks: Iterable[StackState], width: int, separator: str = "  ") -> str:
    """Mean test accuracies by fraction, as many as fit into a width: ``0: 94.2 %  0.5: 88.1 %  …``."""
    texts = [f"{fraction:g}: {100 * mean:.1f} %" for fraction, mean in mean_accuracies(stacks).items()]
    for count in range(len(texts), 0, -1):
        text = separator.join(texts[:count] + ["…"] * (count < len(texts)))
        if len(text) <= width:
            return text
    return ""
