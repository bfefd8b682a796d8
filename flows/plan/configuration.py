"""From a preset or a YAML file, with the changes from the command line, to a valid experiment."""

import sys
from importlib.resources import files
from pathlib import Path
from reprlib import Repr
from typing import Any

import yaml
from pydantic import ValidationError

from flows.errors import ConfigurationError, did_you_mean
from flows.plan.experiment import Experiment
from flows.plan.grid import put_all

PRESETS = files("flows.plan") / "presets"
MAX_FILE = 100_000  # bytes; PyYAML reads them in two seconds
MAX_PROBLEMS = 3  # of a message

# What pydantic calls allowed, in plain words.
ALLOWED = {
    "int": "a whole number",
    "float": "a number",
    "string": "a text",
    "bool": "true or false",
    "tuple": "a list",
    "model": "a mapping of fields to values",
    "invalid_key": "names of fields",
    "string_pattern_mismatch": "a short name of letters, digits, _ and -",
}


class ShortRepr(Repr):
    """Values in messages: by YAML's aliases a small file can describe a list of billions."""

    def repr_int(self, x: int, level: int) -> str:
        """Python itself refuses to print a number of more than 4,300 digits."""
        return repr(x) if abs(x) < 10**40 else "a number of more than 40 digits"


SHORT = ShortRepr()
SHORT.maxlevel, SHORT.maxstring, SHORT.maxother = 2, 100, 100


def preset_names() -> list[str]:
    """Names of the presets in the package."""
    return sorted(entry.name.removesuffix(".yaml") for entry in PRESETS.iterdir() if entry.name.endswith(".yaml"))


def load_experiment(source: str, changes: dict[str, Any] | None = None) -> Experiment:
    """Read an experiment and validate it.

    Parameters
    ----------
    source : str
        The name of a preset, the path of a YAML file, or ``-`` for standard input.
    changes : dict
        Values by dotted path, such as ``{"descent.epochs": 3, "networks.0.hidden": [32]}``.

    Raises
    ------
    ConfigurationError
        If there is no such source, or a field is refused; all in one line.
    """
    settings = {"networks": [{}], **read_settings(source)}
    for path, value in (changes or {}).items():
        settings = put_all(settings, {path: value})
        if isinstance(settings.get("grid"), dict):
            settings["grid"] = {axis: values for axis, values in settings["grid"].items() if axis != path}
    try:
        return Experiment.model_validate(settings)
    except ValidationError as error:
        raise ConfigurationError(problems(error)) from None


class UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, without its habit of taking the last value of a key that stands twice, and without merges."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.tag == "tag:yaml.org,2002:merge":  # merges of merges would fill the memory
                raise ConfigurationError(f"<< given, at line {line}; allowed: fields, written out")
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise ConfigurationError(f"{key.value!r} given twice, at line {line}; allowed: once")
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, where: str) -> Any:
    """Parse YAML.

    Raises
    ------
    ConfigurationError
        In one line that begins with `where`.
    """
    try:
        return yaml.load(text, UniqueKeys)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    except yaml.MarkedYAMLError as error:
        place = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigurationError(f"{where}: not YAML: {error.problem or error.context}{place}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{where}: not YAML: {' '.join(str(error).split())}") from None
    # PyYAML checks neither what follows a tag, as in `!!bool maybe`, nor how long a number is.
    except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
        raise ConfigurationError(f"{where}: a value that YAML can't read ({type(error).__name__}: {error})") from None
    except RecursionError:
        raise ConfigurationError(f"{where}: brackets nested too deep; allowed: an experiment's few levels") from None


def read_settings(source: str) -> dict[str, Any]:
    """Settings of a preset, a YAML file or standard input."""
    where = "standard input" if source == "-" else source
    if source in preset_names():
        content = (PRESETS / f"{source}.yaml").read_bytes()
    elif Path(source).suffix in (".yaml", ".yml"):
        content = read_file(Path(source))
    elif source == "-":
        content = sys.stdin.buffer.read(MAX_FILE + 1)
    else:
        names, hint = ", ".join(preset_names()), did_you_mean(source, preset_names())
        raise ConfigurationError(
            f"preset: {source!r} given; allowed: {names}, a .yaml file, or - for standard input{hint}"
        )
    if len(content) > MAX_FILE:
        raise ConfigurationError(f"{where}: too many bytes given; allowed: at most {MAX_FILE:,}")
    try:
        settings = parse_yaml(content.decode("utf-8"), where)
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{where}: byte {error.start} is not UTF-8; allowed: UTF-8 text") from None
    if not isinstance(settings, dict):
        raise ConfigurationError(f"{where}: {type(settings).__name__} given; allowed: a mapping of fields to values")
    return settings


def read_file(path: Path) -> bytes:
    """The first bytes of a file, one more than are allowed."""
    try:
        if path.exists() and not path.is_file():
            raise ConfigurationError(f"{path}: a folder or device given; allowed: a file")
        with path.open("rb") as file:
            return file.read(MAX_FILE + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; allowed: a file that can be read") from None


def parse_setting(text: str) -> tuple[str, Any]:
    """Split ``a.b=value`` into the path and the value, which is parsed as YAML.

    Raises
    ------
    ConfigurationError
        If the text has no path or no ``=``, or the value is no YAML.
    """
    path, equals, value = text.partition("=")
    if not (all(path.split(".")) and equals):
        raise ConfigurationError(f"--set: {text!r} given; allowed: path.to.field=value")
    return path, parse_yaml(value, f"--set {path}")


def parse_axis(text: str) -> tuple[str, Any]:
    """Split ``a.b=1,2,3`` into the path and the list of values; a single value, as in ``seeds=0-9``, stays alone.

    Raises
    ------
    ConfigurationError
        If the text has no path or no values, or these are no YAML.
    """
    path, equals, values = text.partition("=")
    if not (all(path.split(".")) and equals and values.strip()):
        raise ConfigurationError(f"--grid: {text!r} given; allowed: path.to.field=value,value,…")
    parsed = parse_yaml(f"[{values}]", f"--grid {path}")
    return path, parsed[0] if len(parsed) == 1 else parsed


def problems(error: ValidationError) -> str:
    """Tell in one line what pydantic found wrong."""
    errors = error.errors()
    # Pydantic reports a list with wrong items twice: the items, and the list as a whole.
    outer = {entry["loc"][:depth] for entry in errors for depth in range(len(entry["loc"]))}
    inner = [entry for entry in errors if entry["loc"] not in outer]
    more = f" And {len(inner) - MAX_PROBLEMS} more." if len(inner) > MAX_PROBLEMS else ""
    return ". ".join(map(problem, inner[:MAX_PROBLEMS])) + more


def problem(error: Any) -> str:
    """A pydantic error in one line: ``field: … given; allowed: …``."""
    path = ".".join(map(str, error["loc"]))
    kind, message = error["type"], error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if kind == "extra_forbidden":
        known = known_fields(error["loc"])
        return f"{path}: unknown field; allowed: {', '.join(known)}{did_you_mean(str(error['loc'][-1]), known)}"
    if kind == "missing":
        return f"{path}: nothing given; allowed: a value"
    if not path or "; allowed: " in message:  # a message of `mlp`, which begins with its own field
        return f"{path}.{message}".lstrip(".")
    of_type = kind.partition("_")[0] if kind.endswith(("_type", "_parsing", "_parsing_size", "_from_float")) else kind
    return f"{path}: {SHORT.repr(error['input'])} given; allowed: {ALLOWED.get(of_type, message)}"


def known_fields(location: tuple) -> list[str]:
    """Fields of the mapping that contains the last name of a location."""
    model: Any = Experiment
    for name in location[:-1]:
        if isinstance(name, str):
            annotation = model.model_fields[name].annotation
            model = annotation if hasattr(annotation, "model_fields") else annotation.__args__[0]
    return list(model.model_fields)
