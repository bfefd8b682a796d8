"""What a sweep may use of this machine."""

from dataclasses import dataclass

from flows.plan.stacks import half_of_what_is_free
from flows.platform.system import cores


@dataclass(frozen=True)
class Resources:
    """The number of stacks that train at once, and bytes for all of them."""

    workers: int
    memory: float


def resources_of(workers: int | None, memory: float | None) -> Resources:
    """What is asked for, the memory in gigabytes; by default a stack for each core, and half of the free memory."""
    return Resources(workers or cores(), memory * 1e9 if memory else half_of_what_is_free())
