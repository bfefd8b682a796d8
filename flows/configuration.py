"""From a preset or a YAML file, and what the command line changes in it, to a valid experiment."""

from importlib.resources import files
from pathlib import Path
from reprlib import Repr
from typing import Any

import yaml
from pydantic import ValidationError

from flows.errors import ConfigurationError
from flows.experiment import Experiment

PRESETS = files("flows") / "presets"
LARGEST_FILE = 1_000_000
# A small file can nest aliases into a list of billions.
SHORT = Repr()
SHORT.maxlevel, SHORT.maxstring, SHORT.maxother = 2, 100, 100


def preset_names() -> list[str]:
    """Names of the presets that come with the package."""
    return sorted(entry.name.removesuffix(".yaml") for entry in PRESETS.iterdir() if entry.name.endswith(".yaml"))


def load_experiment(source: str, changes: dict[str, Any] | None = None) -> Experiment:
    """Read an experiment and validate it.

    Parameters
    ----------
    source : str
        The name of a preset, or the path of a YAML file.
    changes : dict
        Values by dotted path, such as ``{"descent.epochs": 3, "networks.0.hidden": [32]}``.

    Raises
    ------
    ConfigurationError
    """
    settings = read_yaml(source)
    for path, value in (changes or {}).items():
        change(settings, path, value)
    try:
        return Experiment.model_validate(settings)
    except ValidationError as error:
        found = error.errors()
        places = [problem["loc"] for problem in found]
        # A list whose items are wrong is reported once more as a whole.
        innermost = [
            p for p in found if not any(len(q) > len(p["loc"]) and q[: len(p["loc"])] == p["loc"] for q in places)
        ]
        raise ConfigurationError("\n".join(map(one_line, innermost))) from None


def read_yaml(source: str) -> dict[str, Any]:
    if source in preset_names():
        text = (PRESETS / f"{source}.yaml").read_text(encoding="utf-8")
    elif Path(source).suffix in (".yaml", ".yml"):
        text = read_file(Path(source))
    else:
        raise ConfigurationError(f"preset: {source!r} given; allowed: {', '.join(preset_names())}, or a .yaml file")
    try:
        settings = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{source}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(settings, dict):
        raise ConfigurationError(f"{source}: {type(settings).__name__} given; allowed: a mapping of fields to values")
    return settings


def read_file(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ConfigurationError(f"{path}: {path.stat().st_size:,} bytes given; allowed: at most {LARGEST_FILE:,}")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: byte {error.start} is not UTF-8; allowed: UTF-8 text") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; allowed: a file that can be read") from None


def parse_setting(text: str) -> tuple[str, Any]:
    """``a.b=value`` to its path and its value, read as YAML."""
    path, equals, value = text.partition("=")
    if not (path and equals):
        raise ConfigurationError(f"--set: {text!r} given; allowed: path.to.field=value")
    try:
        return path, yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigurationError(f"--set {path}: {value!r} given; allowed: a YAML value") from None


def change(settings: Any, path: str, value: Any) -> None:
    """Set the value at a dotted path; whether the field exists is for the validation to say."""
    *way, last = path.split(".")
    for name in way:
        settings = settings.setdefault(name, {}) if isinstance(settings, dict) else item(settings, name, path)
    if isinstance(settings, dict):
        settings[last] = value
    else:
        item(settings, last, path)
        settings[int(last)] = value


def item(settings: Any, index: str, path: str) -> Any:
    if not (isinstance(settings, list) and index.isdecimal() and int(index) < len(settings)):
        raise ConfigurationError(f"{path}: no such field; {index!r} given where a list or mapping has no such place")
    return settings[int(index)]


def one_line(error: Any) -> str:
    """A pydantic error as ``field: what was given; allowed: …``."""
    path = ".".join(map(str, error["loc"]))
    allowed = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if error["type"] == "extra_forbidden":
        return f"{path}: unknown field; allowed: {', '.join(known_fields(error['loc']))}"
    if error["type"] == "string_pattern_mismatch":
        allowed = "a short name of letters, digits, _ and -"
    if error["type"] == "missing":
        return f"{path}: nothing given; allowed: a value"
    if not path:
        return allowed
    return f"{path}: {SHORT.repr(error['input'])} given; allowed: {allowed}"


def known_fields(location: tuple) -> list[str]:
    """Fields of the mapping in which the last name of a location stands."""
    model: Any = Experiment
    for name in location[:-1]:
        if isinstance(name, str):
            annotation = model.model_fields[name].annotation
            model = annotation if hasattr(annotation, "model_fields") else annotation.__args__[0]
    return list(model.model_fields)
