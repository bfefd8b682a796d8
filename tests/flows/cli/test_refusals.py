"""Whatever is typed or written into a file: the command works, or one line says why not, and nothing is written."""

import contextlib
import io
import re
import string
from collections.abc import Iterator

import pytest
import typer
import yaml
from hypothesis import event, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from flows.cli.main import answer, app
from flows.errors import ConfigurationError
from flows.plan.configuration import load_experiment
from flows.plan.experiment import Experiment
from flows.plan.settings import NetworkSettings

COMMANDS = typer.main.get_command(app).commands
# With these a command would do something, or it needs them to get as far as its other options.
ALWAYS = {
    "run": ["--dry-run"],
    "schedule": ["--every", "1h"],
    "predict": ["--noise", "1"],
}
VALID = {"source": "demo", "claim": "noise", "name": "nightly", "to": "exported", "folder": "exported"}
NASTY = [
    "", " ", "-", "--", "-1", "0", "..", "../..", "/", "/dev/null", "/proc/x", "~", "~nobody/x", "[red]", "[/]",
    ":smile:", "{}", "[]", "%", "%s", "\n", "a\nb", "\x1b[31m", "\x07", "\udcff", "\u202e", "٣", "é", "😀", "1e999",
    "nan", "inf", "-0", "null", "true", "=", "a=b", ".", "a.b=1", "a/b", "`id`", "$(id)", "'", '"', "\\", "x" * 300,
    "x" * 5000, "9" * 5000, "[" * 5000, "1-", "0-9999,0-9999", "0:1", "0,5", "*/5 * * * *", "0 0 31 2 *", "@daily",
    "1d", "0d", "9" * 30 + "d", "nothing.yaml", "folder.yaml", "sqlite:///", "sqlite:////proc/x.db", "sqlite:////dev/null",
    "http://", "http://[", "http://127.0.0.1:0", "http://127.0.0.1:99999", "http://127.0.0.1:1", "ftp://me:secret@x",
    "http://me:secret@127.0.0.1:1", "https://127.0.0.1:1", "postgresql://[", "postgresql://me:secret@127.0.0.1:1/x",
    "postgresql+x://y", "postgresql://h:port/x", "file:///x", "javascript:alert(1)", "0.0.0.0", "256.1.1.1", "a..b",
    "fraction=", "seed=1", "fraction=0,seed", "test/accuracy", "demo", "some", "all", "small", "full",
    "seeds=1-99999999", "descent.epochs=0", "networks.0=1", "networks.0.hidden.0=5", "data=1",
    "corruption.fractions=[.nan]", "a=a\x00b", "seeds=!!int ''",
]  # fmt: skip
# A command line can't hold a null character.
TEXTS = st.text(st.characters(exclude_characters="\0"), max_size=40)
VALUES = st.one_of(
    st.sampled_from(NASTY),
    TEXTS,
    st.text(string.digits + "-,.:=[]{}eE+ /", max_size=20),
    st.integers().map(str),
    st.floats().map(str),
)

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
FILES = {
    "an object to construct": b"name: !!python/object/apply:os.system ['touch executed']",
    "a module to import": b"name: !!python/name:os.system",
    "bytes that are not UTF-8": b"name: \xff\xfe\xfa",
    "a null byte": b"name: a\x00b",
    "no YAML": b"name: [unclosed",
    "nothing": b"",
    "a list": b"- name: mine",
    "a text": b"mine",
    "two documents": b"name: a\n---\nname: b",
    "a missing name": b"seeds: 0-2",
    "an unknown field": b"name: mine\nhooks: {after: rm -rf /}",
    "an unknown field below": b"name: mine\ndata: {name: digits, url: 'http://127.0.0.1/x'}",
    "a megabyte": b"name: mine\ndescription: " + b"x" * 100_001,
    "a nest of aliases": LAUGHS.encode() + b"name: *i",
    "a number for a name": b"name: 7",
    "NaN for a rate": b"name: mine\ndescent: {learning_rate: .nan}",
    "infinity for a rate": b"name: mine\ndescent: {learning_rate: .inf}",
    "a text for a mapping": b"name: mine\ndescent: fast",
    "a layer of minus one": b"name: mine\nnetworks: [{hidden: [-1]}]",
    "a layer of a billion": b"name: mine\nnetworks: [{hidden: [1000000000]}]",
    "no networks": b"name: mine\nnetworks: []",
    "a network twice": b"name: mine\nnetworks: [{}, {}]",
    "a fraction that is a text": b"name: mine\ncorruption: {fractions: [half]}",
}
CHANGES = {
    "a path for a name": "name=../../escaped",
    "an absolute path for a name": "name=/tmp/escaped",
    "a file for data": "data.name=file:///etc/passwd",
    "an address for data": "data.name=http://127.0.0.1/mnist",
    "a path for data": "data.name=../../etc/passwd",
    "a newline in a name": 'name="a\\nb"',
    "a markup tag for a name": "name=<script>alert(1)</script>",
    "a grid of a million": "seeds=0-999999",
    "a grid that is a product": "seeds=0-9000 corruption.fractions=[0,0.1,0.2]",
    "seeds that go down": "seeds=9-0",
    "a negative seed": "seeds=[-1]",
    "a seed beyond 32 bits": "seeds=[4294967296]",
    "the same seed twice": "seeds=[1,1]",
    "a fraction of NaN": "corruption.fractions=[.nan]",
    "batches of none": "descent.batch_size=0",
    "half an epoch": "descent.epochs=0.5",
    "a million epochs": "descent.epochs=1000000",
    "momentum of one": "descent.momentum=1",
    "a field within a number": "descent.epochs.more=1",
    "an item that is not there": "networks.7.hidden=[3]",
    "dunder for a field": "__class__.x=1",
}
LINES = {
    "a path for a preset": ["show", "../../etc/passwd"],
    "a device for a file": ["show", "/dev/null.yaml"],
    "a folder for a file": ["show", "folder.yaml"],
    "a scheme for the store": ["compare", "--tracking-uri", "javascript:alert(1)"],
    "a cron line of four": ["schedule", "demo", "--cron", "* * * *"],
    "an interval of nothing": ["schedule", "demo", "--every", "0s"],
    "the world without a login": ["up", "--host", "0.0.0.0"],
    "a login that is not there": ["up", "--auth", "nothing.txt"],
    "a database that is none": ["up", "--database", "file:///etc/passwd"],
}


@pytest.fixture(scope="module", autouse=True)
def place(new_store, tmp_path_factory):
    """A folder and a store with a sweep; what begins to work is stopped."""
    store = new_store()
    store.sweep(Experiment(name="some", seeds="0-1"), lambda cell: {"test/accuracy": 0.9})

    def stop(*_, **__):
        raise ConfigurationError("work would begin")

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("place")
        patch.chdir(folder)
        patch.delenv("PREFECT_API_URL", raising=False)
        patch.setenv("MLFLOW_TRACKING_URI", store.uri)
        patch.setenv("TERM", "dumb")
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))  # for -
        (folder / "folder.yaml").mkdir()
        patch.setattr("flows.sweep.prompt.run_sweep", stop)
        patch.setattr("flows.claims.judgement.judge_claim", stop)
        patch.setattr("flows.service.up.open_store", stop)
        patch.setattr("flows.store.transfer_export.export_sweep", stop)
        patch.setattr("flows.platform.supervisor.start", stop)
        yield folder


@st.composite
def command_lines(draw) -> list[str]:
    """A command with rubbish for some of its options and arguments."""
    name = draw(st.sampled_from(sorted(COMMANDS)))
    event(name)
    line = [name, *ALWAYS.get(name, [])]
    for parameter in COMMANDS[name].params:
        rubbish = draw(st.booleans())
        if parameter.required or rubbish:
            line += given_as(parameter, draw(VALUES) if rubbish else VALID[parameter.name])
    return line


def given_as(parameter, value: str) -> list[str]:
    """A value as it is typed for an argument or an option; a flag has none."""
    name = [parameter.opts[0]] if parameter.param_type_name == "option" else []
    return name if getattr(parameter, "is_flag", False) else [*name, value]


def outcome(line: list[str]) -> tuple[int, str, str]:
    """Exit code, standard error and standard output of a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = answer(line)
    return code, err.getvalue(), out.getvalue()


def check(line: list[str]) -> tuple[int, str, str]:
    """Check that a command works or is refused in one line; returns its outcome."""
    code, said, out = outcome(line)
    assert code in (0, 2), said
    if code == 2:
        assert said.startswith("mlp: ")
        assert said.count("\n") == 1
        assert said.endswith("\n")
        assert 10 < len(said) < 1200
        assert "secret" not in said
        assert "Traceback" not in said
    return code, said, out


@pytest.fixture
def refused(place):
    """Check that a command is refused in one line before any work, and writes nothing; returns the line."""

    def of(*line: str) -> str:
        before = set(place.rglob("*"))
        code, said, out = check(list(line))
        assert code == 2
        assert out == ""
        assert "work would begin" not in said
        assert all(new.is_relative_to(place / "mlruns") for new in set(place.rglob("*")) - before)
        return said

    return of


OPTIONS = [
    (name, parameter)
    for name, command in COMMANDS.items()
    for parameter in command.params
    if not getattr(parameter, "is_flag", False)
]
NUMERIC_OPTIONS = [one for one in OPTIONS if re.search(r"\b(int|float)\b", str(one[1].type_descriptor.annotation))]
FIELDS = st.sampled_from(
    ["name", "description", "data", "networks", "descent", "corruption", "noise", "seeds", "order", "stop_accuracy",
     "rows", "hidden", "activation", "fractions", "inputs", "labels", "learning_rate", "epochs", "kinds", "count", "<<",
     "x", 1]
)  # fmt: skip
CONTENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.dates(), st.binary(max_size=5)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS | TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(line=command_lines())
def test_any_command_with_rubbish_for_several_options_is_done_or_refused_in_a_line(line):
    check(line)


@settings(max_examples=400)
@given(option=st.sampled_from(OPTIONS), value=VALUES)
def test_rubbish_for_one_option_is_used_or_refused_in_a_line(option, value):
    name, parameter = option
    others = [other for other in COMMANDS[name].params if other.required and other is not parameter]
    needed = [part for other in others for part in given_as(other, VALID[other.name])]
    check([name, *ALWAYS.get(name, []), *needed, *given_as(parameter, value)])


@settings(max_examples=200)
@given(content=st.dictionaries(FIELDS, CONTENTS, max_size=5), named=st.booleans())
def test_any_content_of_a_file_is_an_experiment_or_refused_in_a_line(place, content, named):
    (place / "mine.yaml").write_text(yaml.dump(content | ({"name": "mine"} if named else {})), encoding="utf-8")
    check(["show", "mine.yaml"])


@settings(max_examples=300)
@given(
    start=st.sampled_from([b"", b"name: mine\nseeds: ", b"name: mine\ndata: {", b"- "]), content=st.binary(max_size=40)
)
def test_any_bytes_of_a_file_are_refused_in_a_line(place, start, content):
    (place / "bytes.yaml").write_bytes(start + content)
    check(["show", "bytes.yaml"])


@settings(max_examples=300)
@given(content=st.text("[]{}:,-?!&*|>'\"%@`#<=~.ab01 \n\t", max_size=60))
def test_any_signs_with_a_meaning_in_yaml_are_refused_in_a_line(place, content):
    (place / "signs.yaml").write_text(content, encoding="utf-8")
    check(["show", "signs.yaml"])
    check(["show", "demo", "--set", f"seeds={content}"])


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_a_malformed_file_is_refused_in_a_line(refused, place, content):
    (place / "mine.yaml").write_bytes(content)
    refused("run", "mine.yaml")


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_a_malformed_setting_is_refused_in_a_line_that_names_it(refused, changes):
    options = [part for change in changes.split(" ") for part in ("--set", change)]
    said = refused("run", "demo", *options)
    if len(options) == 2:
        assert changes.split("=")[0].split(".")[0] in said


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_a_malformed_command_is_refused_in_a_line_that_says_what_is_allowed(refused, line):
    assert "allowed" in refused(*line)


NUMBERS = ["inf", "-inf", "nan", "1e400", "-1e400", "1" + "0" * 30, "-1" + "0" * 30]


def numeric_fields(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Paths of the settings that hold a number, or a list of numbers."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from numeric_fields(annotation, f"{path}{name}.")
        elif name == "networks":
            yield from numeric_fields(NetworkSettings, "networks.0.")
        elif re.search(r"\b(int|float)\b", str(annotation)) and name != "flips":
            yield f"{path}{name}"


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("field", list(numeric_fields(Experiment)))
def test_no_field_takes_a_number_that_is_infinite_none_or_far_too_large(field, number):
    for text in (number, f"[{number}]", number.replace("inf", ".inf").replace("nan", ".nan")):
        code, said, _ = check(["show", "demo", "--set", f"{field}={text}"])
        assert code == 2
        assert said.startswith(f"mlp: {field}")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(("name", "parameter"), NUMERIC_OPTIONS)
def test_no_option_takes_a_number_that_is_infinite_none_or_far_too_large(name, parameter, number):
    others = [one for one in COMMANDS[name].params if one.required and one is not parameter]
    needed = [part for one in others for part in given_as(one, VALID[one.name])]
    code, said, _ = check([name, *ALWAYS.get(name, []), *needed, *given_as(parameter, number)])
    assert code == 2
    assert "work would begin" not in said


@pytest.mark.parametrize(
    "field", ["corruption.fractions", "descent.momentum", "descent.dropout", "noise.seed", "seeds"]
)
def test_minus_zero_is_zero(field):
    (plain, *_), (minus, *_) = (load_experiment("demo", {field: [zero]}).cells() for zero in (0, -0.0))
    assert minus.key("") == plain.key("")
    assert minus.params() == plain.params()
