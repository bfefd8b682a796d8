"""What the states of a sweep and of its stacks say: the share done, the time left, the accuracy; all in one line.

The sweep's own state is named ``sweep`` and holds the numbers of its `cells` to train and of those `done` before, the
`work` that they are, as the planner estimates it (in seconds on one core), and the `epochs` of each. A stack's state is
described in `flows.sweep.progress.StackProgress`.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

State = dict[str, Any]
States = dict[str, State]  # of the sweep and its stacks, by name
TRAINED = ("saving", "done")  # phases of a stack after its last epoch
LINE_WIDTH = 80  # of the accuracies in a line that no terminal limits


def stacks_of(states: States) -> list[State]:
    """The states of the stacks, in the order in which the stacks were planned."""
    names = [name for name in states if name != "sweep"]
    return [states[name] for name in sorted(names, key=lambda name: int(name.rpartition("-")[2]))]


def running(states: States) -> list[State]:
    """The states of the stacks that have begun and have not ended."""
    return [stack for stack in stacks_of(states) if stack["phase"] != "done"]


def cells_done(states: States) -> int:
    """How many cells have been trained and saved."""
    return sum(stack["cells"] for stack in stacks_of(states) if stack["phase"] == "done")


def share_of(stack: State, epochs: int) -> float:
    """Share of a stack's epochs that have been trained; a stack may end before its last epoch."""
    return 1.0 if stack["phase"] in TRAINED else stack["epoch"] / epochs


def share_done(states: States) -> float:
    """Share of the training of all cells that is done, from 0 to 1: a large network counts more than a small one."""
    plan = states["sweep"]
    trained = sum(stack["work"] * share_of(stack, plan["epochs"]) for stack in stacks_of(states))
    return min(trained / plan["work"], 1.0) if trained else 0.0


def seconds_left(states: States, now: float) -> float | None:
    """The time left if training goes on at the average speed so far; None before the first epoch and after the last.

    The speed is the share done divided by the time from the start of the first stack's training to the latest state.
    """
    begun = [stack for stack in stacks_of(states) if stack["begun"]]
    share = share_done(states)
    if not begun or not 0 < share < 1:
        return None
    latest = max(stack["time"] for stack in begun)
    trained_for = latest - min(stack["begun"] for stack in begun)
    return max(trained_for * (1 - share) / share - (now - latest), 1.0)


def duration(seconds: float) -> str:
    """A time with two digits or so: ``25 s``, ``12 min``, ``2 h 10 min``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def accuracies(stacks: Sequence[State]) -> dict[str, float]:
    """Mean test accuracy of the cells of some stacks by fraction of corrupted labels, in ascending order."""
    by_fraction: dict[str, list[float]] = defaultdict(list)
    for stack in stacks:
        for fraction, values in stack["accuracies"].items():
            by_fraction[fraction] += values
    return {name: sum(values) / len(values) for name, values in sorted(by_fraction.items(), key=by_number) if values}


def by_number(item: tuple[str, Any]) -> float:
    """The fraction of an entry, to sort by."""
    return float(item[0])


def accuracy_text(stacks: Sequence[State], width: int, separator: str = "  ") -> str:
    """Mean test accuracies by fraction, as many as fit into a width: ``0: 94.2 %  0.5: 88.1 %  …``."""
    texts = [f"{fraction}: {mean:.1%}".replace("%", " %") for fraction, mean in accuracies(stacks).items()]
    for count in range(len(texts), 0, -1):
        text = separator.join(texts[:count] + ["…"] * (count < len(texts)))
        if len(text) <= width:
            return text
    return ""


def epoch_text(stacks: Sequence[State], epochs: int) -> str:
    """The lowest and the highest epoch of some stacks: ``epoch 3–4 of 30``."""
    ends = min(stack["epoch"] for stack in stacks), max(stack["epoch"] for stack in stacks)
    return f"epoch {'–'.join(str(epoch) for epoch in dict.fromkeys(ends))} of {epochs}"


def phase_text(stack: State, epochs: int, now: float) -> str:
    """What a stack does: its epoch, or its phase and for how long."""
    if stack["phase"] == "training" and stack["epoch"]:
        return f"epoch {stack['epoch']}/{epochs}"
    return f"{stack['phase']}, {duration(now - stack['time'])}"


def waiting_text(plan: State) -> str:
    """What a sweep waits for."""
    return f"waiting for {plan['cells']} cells of another sweep (run {plan['waiting'][0]})"


def describe(states: States, now: float | None = None) -> str:
    """The states of a sweep and its stacks in one line.

    Parameters
    ----------
    now : float, optional
        Seconds since 1970; the time of the call by default.
    """
    now = time.time() if now is None else now
    plan, stacks, active = states["sweep"], stacks_of(states), running(states)
    if plan.get("waiting") and not active:
        return waiting_text(plan)
    if not stacks:
        return f"{plan['cells']} cells to train, {plan['done']} done before"
    parts = [f"{cells_done(states)} of {plan['cells']} cells done"]
    if training := [stack for stack in active if stack["phase"] == "training" and stack["epoch"]]:
        parts.append(epoch_text(training, plan["epochs"]))
    elif active:
        parts.append(phase_text(active[0], plan["epochs"], now))
    elif cells_done(states) >= plan["cells"]:
        parts.append("comparing them across seeds")
    if measured := accuracy_text(stacks, LINE_WIDTH, ", "):
        parts.append(f"test accuracy {measured}")
    if (left := seconds_left(states, now)) is not None:
        parts.append(f"about {duration(left)} left")
    return ", ".join(parts)
