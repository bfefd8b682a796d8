"""One execution of an experiment: the Prefect flow, its workers, and which sweep trains which cell.

In: an experiment. Out: finished runs in MLflow, and their comparison. May import `flows.report` and the rooms below it.
Deployments know the flow as ``flows.sweep.sweep``; it is imported when it is first asked for, since that takes seconds.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "sweep":
        from flows.sweep.flow import sweep

        return sweep
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
