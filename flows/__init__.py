"""The workflow around `mlp`: experiments as Prefect flows, tracked in MLflow, compared across seeds.

`load_runs` and `load_curves` bring finished cells and their curves as tables; see `flows.results`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.results import load_curves, load_runs

__all__ = ["load_curves", "load_runs"]


def __getattr__(name: str):
    """Bring MLflow, which takes seconds, only to who asks for its tables."""
    if name in __all__:
        from flows import environment

        environment.prepare_environment()
        from flows import results

        return getattr(results, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
