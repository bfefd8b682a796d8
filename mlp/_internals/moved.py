"""Modules that have moved, under the names that they had before version 0.2.

A registered model is code that imports `mlp`, and lies in stores that a newer version still opens.
"""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "mlp.network": "mlp.nn.network",
    "mlp.preprocessing": "mlp.data.preprocessing",
    "mlp.weights": "mlp.nn.weights",
}


class MovedModules(MetaPathFinder, Loader):
    """Finds a module by its old name, and warns."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module, if it has moved."""
        return ModuleSpec(name, self) if name in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Import the module by its new name."""
        warnings.warn(f"{spec.name} is now {MOVED[spec.name]}", DeprecationWarning, stacklevel=2)
        return import_module(MOVED[spec.name])

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the import has run it."""


sys.meta_path.append(MovedModules())
