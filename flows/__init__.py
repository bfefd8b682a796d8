"""The workflow around `mlp`: experiments as Prefect flows, tracked in MLflow, compared across seeds.

`load_runs` and `load_curves` bring finished cells and their curves as tables; see `flows.store.results`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.store.results import load_curves, load_runs

__all__ = ["load_curves", "load_runs"]


def __getattr__(name: str) -> Any:
    """Import MLflow, which takes seconds, only when its tables are used."""
    if name in __all__:
        from flows.platform.environment import prepare_environment

        prepare_environment()
        from flows.store import results

        return getattr(results, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
