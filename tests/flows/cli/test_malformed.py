"""Malformed requests and configurations: each is refused in one line, runs nothing, and writes nothing."""

import sys

import pytest

from flows.cli.main import main

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
SETTINGS = {
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
COMMANDS = {
    "a path for a preset": ["show", "../../etc/passwd"],
    "a device for a file": ["show", "/dev/null.yaml"],
    "a folder for a file": ["show", "folder.yaml"],
    "a scheme for the store": ["run", "demo", "--tracking-uri", "javascript:alert(1)"],
    "a cron line of four": ["schedule", "demo", "--cron", "* * * *"],
    "an interval of nothing": ["schedule", "demo", "--every", "0s"],
    "the world without a login": ["up", "--host", "0.0.0.0"],
    "a login that is not there": ["up", "--auth", "nothing.txt"],
    "a database that is none": ["up", "--database", "file:///etc/passwd"],
}


@pytest.fixture
def refuse(tmp_path, monkeypatch, capsys):
    """Run a command that is to be refused; returns the line that it says."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "folder.yaml").mkdir()

    def run(*arguments: str) -> str:
        before = set(tmp_path.rglob("*"))
        monkeypatch.setattr(sys, "argv", ["mlp", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == 2
        assert said.out == ""
        for new in set(tmp_path.rglob("*")) - before:
            assert new.is_relative_to(tmp_path / "mlruns")
        return said.err

    return run


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_a_malformed_file_is_refused_in_a_line(refuse, tmp_path, content):
    (tmp_path / "mine.yaml").write_bytes(content)
    said = refuse("run", "mine.yaml")
    assert 0 < len(said) < 2000
    assert "mlp: " in said


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_malformed_setting_is_refused_in_a_line_that_names_it(refuse, settings):
    options = [part for setting in settings.split(" ") for part in ("--set", setting)]
    said = refuse("run", "demo", *options)
    assert "mlp: " in said
    assert 0 < len(said) < 1000
    if len(options) == 2:
        assert settings.split("=")[0].split(".")[0] in said


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_malformed_command_is_refused_in_a_line(refuse, arguments):
    said = refuse(*arguments)
    assert "allowed" in said
    assert len(said.splitlines()) == 1
