"""Generated mistakes, in options, files, variables and stores: each is refused in one line, soon, and changes nothing.

`REFUSALS` is their number, `SEED` chooses them; `make test-refusals` tries 300 and prints a table.
"""

import json
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
import typer

from flows.cli.main import app
from tests.system.conftest import Workplace

pytestmark = [pytest.mark.system, pytest.mark.slow]

COUNT, SEED = int(os.environ.get("REFUSALS", "30")), int(os.environ.get("SEED", "0"))
SECONDS, HANGS = 10, 90  # within which each must be refused; after which it is ended
AT_ONCE = 2
NOBODY = "http://127.0.0.1:1"  # where no server and no proxy answers
OFFLINE = {"https_proxy": NOBODY, "HTTPS_PROXY": NOBODY, "SCIKIT_LEARN_DATA": "nowhere"}
EXPERIMENT = """\
name: mine
data: {name: digits, rows: [100], test_rows: 50, side: 8}
networks: [{hidden: [5]}]
descent: {epochs: 1}
corruption: {fractions: [0]}
seeds: [0, 1]
"""
# What an option needs beside it so that it is looked at, and what the command needs.
BESIDE = {
    ("run", "address"): ["--runner", "dask"],
    ("predict", "tracking_uri"): ["--noise", "1"],
    ("predict", "experiment"): ["--noise", "1"],
}
NEEDED = {"source": "demo", "name": "nightly", "claim": "noise", "to": "exported", "folder": "exported"}
FIELDS = {
    "name": ["../x", "''", "[a]", "5", "a b", "{}"],
    "description": ["[1]", "{a: b}", f"{'x' * 3000}"],
    "data": ["fast", "[mnist]", "{name: ../x}", "{split: half}", "{rows: [1]}", "{rows: many}", "{side: 3}",
             "{side: 29}"],
    "networks": ["[]", "3", "[3]", "[{hidden: 5}]", "[{hidden: [0]}]", "[{hidden: [5000]}]", "[{width: 3}]",
                 "[{}, {}]"],
    "descent": ["[]", "{epochs: 0}", "{epochs: 1.5}", "{epochs: many}", "{learning_rate: -1}", "{learning_rate: .nan}",
                "{momentum: 1}", "{rule: newton}", "{rule: adam, momentum: 0.5}", "{decay: 0}", "{shift: 9}"],
    "corruption": ["{fractions: [2]}", "{fractions: half}", "{fractions: []}", "{labels: scramble}", "{inputs: [x]}",
                   "{fractions: [0.3, 0.30000000000000004]}"],
    "noise": ["{kinds: [loud]}", "{count: 1}", "{seed: -1}"],
    "seeds": ["[]", "[-1]", "[1, 1]", "9-0", "0-99999", "a", "[4294967296]", "{a: b}",
              "7" * 5000, "[" * 3000, "!!int ''"],
    "order": ["random", "1"],
    "stop_accuracy": ["0", "1.1", "high"],
    "evaluation_rows": ["9", "all"],
    "epochs": ["3"],
    "<<": ["{a: b}"],
    "? [1]\n": ["2"],
}  # fmt: skip


@dataclass(frozen=True)
class Mistake:
    """A command that must be refused, its variables, and what is done to its folder before."""

    arguments: list[str]
    variables: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], object] = lambda folder: None
    in_store: bool = False  # in a folder with a store
    change: str = ""

    def __str__(self) -> str:
        return f"{self.variables} mlp {' '.join(self.arguments)[:200]!r} {self.change}"


def rubbish(rng: random.Random) -> str:
    """A text that is no number, name, address, list or expression that any option takes."""
    signs = [rng.choice("/?*\\'\"[]{}%$ab01éß😀\n\t\x1b\u202e") for _ in range(rng.randint(0, 12))]
    return f"{''.join(signs)}{rng.choice(['/?', '?/', '§/', '[/]/'])}{'x' * rng.choice([0, 0, 0, 300, 5000])}"


def option(rng: random.Random) -> Mistake:
    """Rubbish for one option or argument."""
    commands = typer.main.get_command(app).commands
    places = [(name, one) for name, command in commands.items() for one in command.params]
    name, place = rng.choice([(name, one) for name, one in places if not getattr(one, "is_flag", False)])

    def typed(one: typer.core.TyperOption | typer.core.TyperArgument, value: str) -> list[str]:
        return [value] if one.param_type_name == "argument" else [one.opts[0], value]

    others = [one for one in commands[name].params if one.required and one is not place]
    needed = [part for one in others for part in typed(one, NEEDED[one.name])]
    value = typed(place, rubbish(rng))
    with_data = ["--data", "digits"] if name == "run" and place.name in ("address", "tracking_uri") else []
    return Mistake([name, *needed, *with_data, *BESIDE.get((name, place.name), []), *value])


def usage(rng: random.Random) -> Mistake:
    """A command line that is wrong as a whole."""
    lines = [
        "nix", "--nix", "run --nix", "show", "show demo more", "presets more", "status --nix", "sync all",
        "schedules --nix", "unschedule", "ui --port", "ui --port 70000", "up more", "up --host 0.0.0.0",
        "up --host 203.0.113.1", "up --auth login.txt", "up --mlflow-port 0", "run --address tcp://x:1",
        "run --workers 0", "run --memory nan", "run --memory -1", "schedule demo", "schedule demo --every 0m",
        "schedule demo --every 1d --timezone Mars", "compare --json --csv", "reproduce --data digits",
        "reproduce --scale full", "reproduce noise --write nowhere", "predict", "predict nothing.png",
        "predict --test -1", "predict --noise 101", "export", "export mine", "export --to .", "export nix --to out",
        "export --to nowhere/out", "import", "import .", "import mlruns", "import login.txt", "compare mine mine",
        "compare mine mine --all", "compare mine nix",
    ]  # fmt: skip
    lines = [line.split() for line in lines]
    lines += [["schedule", "demo", "--cron", cron] for cron in ("0 0 31 2 *", "0 0 3 * * *", "* * * *", "61 * * * *")]
    return Mistake(rng.choice(lines), in_store=rng.random() < 0.5)


def setting(rng: random.Random) -> Mistake:
    """A wrong value for a field, in `--set` or in a file."""
    name = rng.choice(list(FIELDS))
    value = rng.choice(FIELDS[name])
    command = rng.choice([["run"], ["show"], ["run", "--dry-run"], ["schedule", "--every", "1d"]])
    if rng.random() < 0.5 and "\n" not in name:
        return Mistake([*command, "demo", "--set", f"{name}={value}"])
    lines = [line for line in EXPERIMENT.splitlines() if not line.startswith(f"{name}:")]
    lines.insert(rng.randint(0, len(lines)), f"{name}: {value}")
    text = "\n".join(lines)
    return Mistake([*command, "mine.yaml"], prepare=writer("mine.yaml", text.encode()), change=text[:300])


def broken_file(rng: random.Random) -> Mistake:
    """A file that is cut off, has bytes changed, or holds something else."""
    whole = EXPERIMENT.encode()
    contents = [  # the first is cut off before its name: "name: m" would be an experiment
        whole[: rng.randint(0, 6)], rng.randbytes(rng.randint(0, 300)), b"\xff\xfe" + whole, whole + b"\x00",
        b"{" * 2000, whole + whole, b"- " + whole.replace(b"\n", b"\n  "), whole.replace(b":", b"", 3),
        whole + b"x: " + b"y" * 200_000,
        b"[1, 2]", b"7", b"text", b"%PDF-1.7\n", b"PK\x03\x04" + rng.randbytes(100), b"name: mine\nname: yours\n",
        whole.replace(b"epochs: 1", b"epochs: 1, epochs: 2"), b"name: !!python/object/apply:os.getcwd []\n",
    ]  # fmt: skip
    content = rng.choice(contents)
    command = rng.choice([["run"], ["show"], ["schedule", "--every", "1d"]])
    return Mistake([*command, "mine.yaml"], prepare=writer("mine.yaml", content), change=repr(content[:100]))


def variable(rng: random.Random) -> Mistake:
    """A variable that names no server or no store."""
    garbled = rubbish(rng).replace("\0", "")
    servers = [garbled, "http://", "http://[", f"{NOBODY}/x", "http://127.0.0.1:99999", "ftp://host"]
    stores = ["postgresql://me:secret@127.0.0.1:1/x", "postgresql://h:port/x", "sqlite:////proc/x.db", "mysql://host/x"]
    reading = [["compare"], ["predict", "--noise", "1"], ["ui"], ["status"], ["reproduce"]]
    scheduling = [["schedules"], ["unschedule", "x"], ["schedule", "demo", "--every", "1d"]]
    no_address = rng.choice(["garbage", "http://", "ftp://host"])  # for an address the command would wait
    return rng.choice(
        [
            Mistake(rng.choice(reading), {"MLFLOW_TRACKING_URI": rng.choice(servers + stores)}),
            Mistake(rng.choice(scheduling), {"PREFECT_API_URL": rng.choice(servers)}),
            Mistake(["run", "--data", "digits"], {"PREFECT_API_URL": no_address}),
            Mistake(["compare"], {"MLFLOW_LOGGING_LEVEL": "loud"}),
        ]
    )


def data_home(rng: random.Random) -> Mistake:
    """A data home that has no data, or damaged ones, without a network."""
    home = rng.choice(["nowhere", "home", "home", "/dev/null", "~nobody/x", "/proc", "x" * 300])
    content = rng.choice([b"", b"text", b"\x1f\x8b" + rng.randbytes(50), b"\x00" * 100])

    def damage(folder: Path) -> None:
        for name in ("mnist_784", "Fashion-MNIST", "NoSuchSet"):
            place = folder / "home/openml/openml.org/api/v1/json/data/list/data_name" / name / "limit/2/data_version"
            place.mkdir(parents=True)
            (place / "1.gz").write_bytes(content)
        (folder / "home/mlp").mkdir()
        (folder / "home/mlp/mnist_784.uint8").write_bytes(content)

    command = rng.choice([["run", "--data", rng.choice(["mnist", "fashion", "NoSuchSet"])],
                          ["reproduce", "noise", "--data", "mnist"]])  # fmt: skip
    return Mistake(command, OFFLINE | {"SCIKIT_LEARN_DATA": home}, prepare=damage, change=repr(content[:20]))


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A PNG that says it has so many grey pixels, and holds these."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(pixels))]
    body = [struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in
            [*parts, (b"IEND", b"")]]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def picture(rng: random.Random) -> Mistake:
    """A file that is no picture, or a damaged one."""
    white = png(28, 28, b"\x00".join([b""] + [b"\xff" * 28] * 28))
    contents = [
        b"", b"text", rng.randbytes(rng.randint(1, 300)), white[: rng.randint(1, 60)], white, png(0, 0),
        png(28, 28, rng.randbytes(100)), b"GIF89a" + rng.randbytes(30), b"%PDF-1.7\n", b"\xff\xd8\xff\xe0" + b"\0" * 50,
        b"RIFF\x10\0\0\0WEBPVP8 ", b"BM" + rng.randbytes(60), b"II*\0" + rng.randbytes(40), EXPERIMENT.encode(),
    ]  # fmt: skip
    content = rng.choice(contents)
    name = rng.choice(["digit.png", "digit", "a [b].jpg", "digit.tif"])
    return Mistake(["predict", name], prepare=writer(name, content), in_store=True, change=repr(content[:60]))


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """The content of a file after damage that can't be overlooked."""
    return rng.choice(
        [
            b"",
            b"text",
            b"\x00" * len(whole),
            rng.randbytes(200),
            whole[: len(whole) // 3] + b"\x00",
            b"[" * 5000,
            b"\xff" * 50,
        ]
    )


def store(rng: random.Random) -> Mistake:
    """A damaged file in the store, or one that is gone, and a command that needs it."""
    pattern, commands = rng.choice(
        [
            ("mlflow.db", [["compare"], ["status"], ["predict", "--noise", "1"], ["reproduce"], ["run", "mine.yaml"],
                           ["ui"]]),
            ("artifacts/mine/*/artifacts/cells.json", [["compare"], ["compare", "mine", "--json"]]),
            ("artifacts/mine/*/artifacts/experiment.yaml", [["compare", "--html"]]),
        ]
    )  # fmt: skip
    gone = pattern != "mlflow.db" and rng.random() < 0.3
    own = random.Random(rng.random())  # mistakes are tried in any order

    def damage(folder: Path) -> None:
        for log in (folder / "mlruns").glob("mlflow.db-*"):
            log.unlink()  # SQLite would repair the file from it
        for file in (folder / "mlruns").glob(pattern):
            if gone:
                file.unlink()
            else:
                file.write_bytes(damaged(file.read_bytes(), own))

    change = f"{pattern} {'gone' if gone else 'damaged'}"
    return Mistake(rng.choice(commands), prepare=damage, in_store=True, change=change)


def outbox(rng: random.Random) -> Mistake:
    """A file among the results that wait for delivery that is no result."""
    content = rng.choice([b"", b"text", b"PK\x03\x04" + rng.randbytes(100), rng.randbytes(300), b"\x93NUMPY"])

    def fill(folder: Path) -> None:
        (folder / "mlruns/outbox").mkdir(parents=True)
        (folder / "mlruns/outbox/some.npz").write_bytes(content)

    command = rng.choice([["sync"], ["status"]])
    return Mistake(command, prepare=fill, change=repr(content[:60]))


def exported(rng: random.Random) -> Mistake:
    """A folder that is no export, or a damaged one."""
    cell, name = "0" * 32, rng.choice(["run.json", "../../escaped", "/escaped", "artifacts/model/model.py"])
    run = {"run_id": cell, "kind": "cell", "name": "", "status": "FINISHED", "started": 0, "ended": 1,
           "tags": {"kind": "cell", "cell": "a"}, "params": {}, "points": [], "datasets": []}  # fmt: skip
    content = json.dumps(run).encode()
    whole = {"format": 1, "name": "mine", "experiment_id": "1", "description": "", "sweep": cell, "versions": {},
             "files": {f"runs/{cell}/{name}": sha256(content).hexdigest()}}  # fmt: skip
    manifest = json.dumps(whole).encode()  # of an export without a sweep
    text = rng.choice([manifest, damaged(manifest, rng), json.dumps({**whole, rng.choice(list(whole)): 7}).encode()])

    def fill(folder: Path) -> None:
        (folder / f"out/runs/{cell}").mkdir(parents=True)
        (folder / f"out/runs/{cell}/run.json").write_bytes(content)
        (folder / "out/manifest.json").write_bytes(text)

    return Mistake(["import", "out"], prepare=fill, in_store=rng.random() < 0.5, change=repr(text[:100]))


def writer(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


KINDS = [
    option,
    option,
    option,
    usage,
    usage,
    setting,
    setting,
    broken_file,
    variable,
    data_home,
    picture,
    store,
    outbox,
    exported,
]


def mistakes(count: int, seed: int) -> list[Mistake]:
    """So many mistakes, of all kinds in turn."""
    rng = random.Random(seed)
    return [KINDS[number % len(KINDS)](rng) for number in range(count)]


@dataclass(frozen=True)
class Answer:
    """What a command did with a mistake."""

    mistake: Mistake
    seconds: float
    code: int | None  # None: it had to be ended
    said: str  # on standard error
    changed: set[str]  # files

    @property
    def faults(self) -> dict[str, bool]:
        """What a refusal must not do, and whether this one did."""
        return {
            "exit code": self.code != 2,
            "traceback": "Traceback" in self.said,
            "lines": self.said.count("\n") != 1,
            "text": not (self.said.startswith("mlp: ") and 10 < len(self.said) < 1200) or "secret" in self.said,
            "files": bool(self.changed),
        }

    def __str__(self) -> str:
        wrong = ", ".join(fault for fault, there in self.faults.items() if there)
        seen = f"exit code {self.code} after {self.seconds:.0f} s, changed {self.changed}, said {self.said[-600:]}"
        return f"{self.mistake}\n  {wrong or 'slow'}: {seen}"


@pytest.fixture(scope="module")
def trained(shared_workplace: Workplace) -> Path:
    """A folder with a store in which a sweep has finished."""
    (shared_workplace.folder / "mine.yaml").write_text(EXPERIMENT)
    done = shared_workplace.mlp("run", "mine.yaml")
    assert done.returncode == 0, done.stderr
    return shared_workplace.folder


def contents(folder: Path) -> Iterator[tuple[str, object]]:
    """What a refused command leaves as it is: every file but logs, locks and Prefect's; the runs in the store."""
    store = folder / "mlruns"
    for path in folder.rglob("*"):
        own = path.is_relative_to(store) and path.suffix not in (".new", ".draft", ".npz")
        # MLflow writes the other file whenever it opens a model.
        if not own or (path.is_relative_to(store / "artifacts") and path.name != "registered_model_meta"):
            yield str(path.relative_to(folder)), path.read_bytes() if path.is_file() else None
    try:
        yield "runs", Workplace(folder).query("select run_uuid, status from runs")
    except sqlite3.DatabaseError:
        yield "runs", "a damaged database"


def ask(mistake: Mistake, folder: Path, trained: Path) -> Answer:
    """Make a mistake in a folder of its own."""
    if mistake.in_store:
        shutil.copytree(trained, folder)
    else:
        folder.mkdir()
    (folder / "temporary").mkdir()
    mistake.prepare(folder)
    before = dict(contents(folder))
    variables = {"COLUMNS": "80", "TMPDIR": str(folder / "temporary")} | mistake.variables
    begun = time.monotonic()
    code, said = None, ""
    try:
        ended = Workplace(folder, variables).mlp(*mistake.arguments, timeout=HANGS)
        code, said = ended.returncode, ended.stderr
    except subprocess.TimeoutExpired:
        pass
    seconds = time.monotonic() - begun
    after = dict(contents(folder))
    changed = {name for name in before | after if before.get(name, "") != after.get(name, "")}
    if "runs" in changed and not (before["runs"] or after["runs"]):
        changed.remove("runs")
    shutil.rmtree(folder)
    return Answer(mistake, seconds, code, said, changed)


def table(answers: list[Answer]) -> str:
    """The faults by command."""
    kinds = list(answers[0].faults)
    rows = [["command", "tried", "slowest s", *kinds]]
    for command in [*sorted({answer.mistake.arguments[0] for answer in answers}), "all"]:
        of = [answer for answer in answers if command in (answer.mistake.arguments[0], "all")]
        faults = [str(sum(answer.faults[kind] for answer in of)) for kind in kinds]
        rows.append([command, str(len(of)), f"{max(answer.seconds for answer in of):.1f}", *faults])
    return "\n".join(f"{row[0]:<12}" + "".join(f"{cell:>11}" for cell in row[1:]) for row in rows)


def is_slow(answer: Answer, folder: Path, trained: Path) -> bool:
    """Whether a command is slow when it is tried again, and not only because the machine is busy."""
    seconds = min(ask(answer.mistake, folder, trained).seconds for _ in range(2))
    begun = time.monotonic()
    assert Workplace(trained).mlp("compare").returncode == 0
    usual = time.monotonic() - begun  # two or three seconds on a machine with nothing else to do
    return seconds > max(SECONDS, 4 * usual)


def test_every_mistake_is_refused_in_one_line_within_seconds_and_changes_nothing(trained, tmp_path):
    folders = [tmp_path / str(number) for number in range(COUNT)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(ask, mistakes(COUNT, SEED), folders, [trained] * COUNT))
    print(f"\n{table(answers)}")
    wrong = [answer for answer in answers if any(answer.faults.values())]
    late = [answer for answer in answers if answer.seconds > SECONDS and is_slow(answer, tmp_path / "again", trained)]
    assert not wrong + late, f"{len(wrong + late)} of {COUNT} with seed {SEED}:\n" + "\n".join(map(str, wrong + late))
