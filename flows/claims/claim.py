"""A claim: what its source says, the experiments that test it, and what counts as reproduced."""

from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from flows.errors import ConfigurationError
from flows.plan.configuration import problems
from flows.plan.experiment import Experiment, Settings
from mlp.claims import CLAIMS

CLAIM_FILES = files("flows.claims")
CLAIM_NAMES = tuple(CLAIMS)
SCALES = ("small", "full")


class Quantity(Settings):
    """A measured number; without `at_least` and `at_most` it is shown but not judged."""

    words: str = Field(description="what is measured")
    says: str = Field("", description="what the source says of it")
    at_least: float | None = None
    at_most: float | None = None
    percent: bool = False


class Claim(Settings):
    """What a source says, and how it is tested at one scale."""

    name: str
    scale: Literal["small", "full"]
    statement: str
    source: str
    experiments: dict[str, Experiment] = Field(description="by the argument of its measure in mlp.claims")
    quantities: dict[str, Quantity]


def load_claim(name: str, scale: str, data: str | None = None) -> Claim:
    """Read the file of a claim; its section `small` or `full` is merged into the rest.

    Parameters
    ----------
    data : str, optional
        Instead of MNIST, or of the digits if OpenML can't be reached (``auto``).

    Raises
    ------
    ConfigurationError
    """
    if name not in CLAIM_NAMES:
        raise ConfigurationError(f"claim: {name!r} given; allowed: {', '.join(CLAIM_NAMES)}, all")
    if scale not in SCALES:
        raise ConfigurationError(f"--scale: {scale!r} given; allowed: {', '.join(SCALES)}")
    settings = yaml.safe_load((CLAIM_FILES / f"{name}.yaml").read_text(encoding="utf-8"))
    scales = {known: settings.pop(known) for known in SCALES}
    settings = merged(settings, scales[scale]) | {"name": name, "scale": scale}
    for experiment in settings["experiments"].values():
        experiment |= {"name": f"claim-{name}-{scale}", "description": settings["statement"]}
        experiment["data"] = experiment.get("data", {}) | {"name": data or "auto"}
    try:
        Experiment.model_validate({"name": name, "data": {"name": data or "auto"}})  # told once, not by experiment
        return Claim.model_validate(settings)
    except ValidationError as error:
        raise ConfigurationError(problems(error)) from None


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A mapping with the changes of another merged into it, at every level."""
    result = dict(base)
    for key, value in changes.items():
        known = result.get(key)
        result[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result
