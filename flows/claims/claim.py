"""A claim: what its source says, the experiments that test it, and what counts as reproduced."""

from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from flows.errors import ConfigurationError, did_you_mean
from flows.plan.configuration import problems
from flows.plan.experiment import Experiment
from flows.plan.fields import Settings
from mlp.claims import CLAIMS

CLAIM_FILES = files("mlp.claims")
SCALES = ("small", "full")


class Quantity(Settings):
    """A measured number; without `at_least` and `at_most` it is shown but not judged."""

    words: str = Field(description="what is measured")
    says: str = Field("", description="what the source says of it")
    at_least: float | None = None
    at_most: float | None = None
    percent: bool = False
    scale: Literal["linear", "share", "ratio", "correlation"] | None = Field(
        None, description="of its interval, see mlp.statistics.mean_interval; null: of a share for percents from 0 to 1"
    )
    setup: str = Field("", description="a set-up that is not the claim's own, such as an earlier one; judged apart")

    @property
    def judged(self) -> bool:
        return (self.at_least, self.at_most) != (None, None)


class Claim(Settings):
    """A statement of a source, and its test at one scale."""

    name: str
    scale: Literal["small", "full"]
    statement: str
    source: str
    note: str = Field("", description="why it came out as it did, for what does not hold; written after the run")
    experiments: dict[str, Experiment] = Field(description="by the argument of its measure in mlp.claims")
    quantities: dict[str, Quantity]
    optional: tuple[str, ...] = Field((), description="experiments that are left out where their data can't be had")


def load_claim(name: str, scale: str, data: str | None = None, seeds: str | None = None) -> Claim:
    """Read the file of a claim; its section `small` or `full` is merged into the rest.

    Parameters
    ----------
    data : str, optional
        For all experiments, instead of those of the file: MNIST, or the digits if OpenML can't be reached (``auto``),
        where the file names none.
    seeds : str, optional
        Instead of those of the file. The runs and the verdict are then kept apart from the claim's own.

    Raises
    ------
    ConfigurationError
    """
    if name not in CLAIMS:
        raise ConfigurationError(
            f"claim: {name!r} given; allowed: {', '.join(CLAIMS)}, all{did_you_mean(name, CLAIMS)}"
        )
    if scale not in SCALES:
        raise ConfigurationError(f"--scale: {scale!r} given; allowed: {', '.join(SCALES)}")
    settings = yaml.safe_load((CLAIM_FILES / name / "claim.yaml").read_text(encoding="utf-8"))
    scales = {size: settings.pop(size) for size in SCALES}
    settings = merged(settings, scales[scale]) | {"name": name, "scale": scale}
    given = {"description": settings["statement"]} | ({} if seeds is None else {"seeds": seeds})
    for experiment in settings["experiments"].values():
        experiment |= given | {"name": experiment_name(name, scale, own_seeds=seeds is not None)}
        experiment["data"] = {"name": "auto"} | experiment.get("data", {}) | ({"name": data} if data else {})
    try:
        Experiment.model_validate(given | {"name": name, "data": {"name": data or "auto"}})  # told once
        return Claim.model_validate(settings)
    except ValidationError as error:
        raise ConfigurationError(problems(error)) from None


def experiment_name(claim: str, scale: str, *, own_seeds: bool = False) -> str:
    """The name of a claim's MLflow experiment; with seeds of the user's own, of another one."""
    return f"claim-{claim}-{scale}{'-seeds' * own_seeds}"


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A mapping with the changes of another merged into it, at every level."""
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
