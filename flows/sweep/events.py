"""The events of a sweep: one stream, emitted by each stack wherever it trains, and read by small consumers.

`flows.sweep.states` folds it into the state that the terminal, Prefect's pages and MLflow's tag show;
`flows.sweep.tracking` makes the MLflow runs of the cells from it.
"""

import time
from dataclasses import dataclass, field
from typing import TypeAlias

from numpy.typing import NDArray

from mlp.nn.network import Parameters
from mlp.nn.snapshots import Snapshots


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
