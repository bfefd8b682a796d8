"""Exports that somebody has tampered with: each is imported and can be exported again, or is refused in one line.

``make test-tampering TAMPERED=200 SEED=0`` tries more than the tests do.
"""

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli.main import answer
from flows.plan.experiment import Experiment
from flows.store.results import select
from flows.store.transfer import MANIFEST
from flows.store.transfer_export import export_sweep

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes and symbolic links")

TAMPERED, SEED = int(os.environ.get("TAMPERED", "60")), int(os.environ.get("SEED", "0"))
LIMIT_SECONDS = 120
MINE = Experiment(name="mine", seeds="0-1", corruption={"fractions": [0, 1]}, data={"name": "digits"})
VALUES = [
    None, True, 0, -1, 7, 0.5, -0.0, 2**31, 2**52, 2**63, 10**400, -(10**20), 1e308, float("nan"), float("inf"), "",
    " ", "x" * 100_000, "../x", "C:x.txt", "a\nb", "a\x00b", "\ud800", "\u202e", "'; drop table runs; --", "{{ 7 }}",
    "<script>", "0" * 32, "e" * 32, "NaN", "2**52", "%20", [], {}, [[]], [None], {"a": {}}, ["x"] * 1000, "RUNNING",
    "FINISHED", "sweep", "cell", "group",
]  # fmt: skip
NAMES = [
    "../x", "/tmp/x", "C:x.txt", "nul", "a\\b", "a:b", "a\nb", "a ", "x.", ".", "..", "a//b", "\u202ea", "ä", "a'b",
    "%41", "weights.npz", "x" * 300, "-rf", "model", "model/model.py", "a/b/c/d",
]  # fmt: skip
BOMB = "\n".join(["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)), "name: *a59"])
TEXTS = [
    b"", b"\xff\xfe", b"[" * 100_000, b"{}", b"[]", b"7", b"null", BOMB.encode(), b"a: &a [*a]", b"? {}",
    b"!!python/object:os.system x", b"name: mine\ndata: 7", b'{"a": 1}', b'{"a": "b", "a": "c"}', b"\x00" * 1000,
    b"PK\x03\x04", b"\x93NUMPY", b"PAR1PAR1",
]  # fmt: skip


def some_file(rng: random.Random, folder: Path, pattern: str = "*") -> Path:
    return rng.choice(sorted(path for path in folder.rglob(pattern) if path.is_file()))


def change_bytes(rng: random.Random, folder: Path) -> None:
    path = some_file(rng, folder)
    content = bytearray(path.read_bytes() or b" ")
    at = rng.randrange(len(content))
    match rng.choice(["flip", "cut", "insert", "repeat"]):
        case "flip":
            content[at] ^= 1 << rng.randrange(8)
        case "cut":
            del content[at:]
        case "insert":
            content[at:at] = rng.randbytes(rng.randrange(1, 50))
        case "repeat":
            content *= 2
    path.write_bytes(content)


def change_json(rng: random.Random, folder: Path) -> None:
    """Put a value where it does not belong, anywhere in a file of JSON, or take one away."""
    path = some_file(rng, folder, rng.choice(["*.json", "run.json"]))
    content = json.loads(path.read_text())
    holder = content
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            break
        key = rng.choice(keys)
        if isinstance(holder[key], dict | list) and rng.random() < 0.7:
            holder = holder[key]
            continue
        if rng.random() < 0.15:
            del holder[key]
        else:
            holder[key] = rng.choice(VALUES)
        break
    if isinstance(holder, dict) and rng.random() < 0.1:
        holder[rng.choice(NAMES)] = rng.choice(VALUES)
    path.write_text(json.dumps(content), encoding="utf-8")


def change_experiment(rng: random.Random, folder: Path) -> None:
    import yaml

    path = some_file(rng, folder, "experiment.yaml")
    content = yaml.safe_load(path.read_text())
    field = rng.choice(list(content))
    inner = content[field][0] if isinstance(content[field], list) and content[field] else content[field]
    if isinstance(inner, dict) and inner and rng.random() < 0.7:
        inner[rng.choice(list(inner))] = rng.choice(VALUES)
    else:
        content[field] = rng.choice(VALUES)
    path.write_text(yaml.safe_dump(content))


def change_text(rng: random.Random, folder: Path) -> None:
    some_file(rng, folder).write_bytes(rng.choice(TEXTS))


def change_weights(rng: random.Random, folder: Path) -> None:
    """Arrays of other shapes and types, which are none that a network has."""
    import numpy as np

    path = some_file(rng, folder, "weights.npz")
    with np.load(path) as arrays:
        content = dict(arrays)
    name = rng.choice(list(content))
    array = content[name]
    others = (array * np.nan, array.astype(np.complex128), array[:1], array.ravel(), np.zeros((0, 0)), np.array("text"))
    content[name] = rng.choice(others)
    if rng.random() < 0.2:
        del content[name]
    with path.open("wb") as file:
        np.savez(file, **content)


def change_files(rng: random.Random, folder: Path) -> None:
    """Other files, and files that are none."""
    path = some_file(rng, folder)
    match rng.choice(["delete", "pipe", "link", "folder", "large", "add", "swap"]):
        case "delete":
            path.unlink()
        case "pipe":
            path.unlink()
            os.mkfifo(path)
        case "link":
            path.unlink()
            path.symlink_to(rng.choice(["/etc/passwd", "/dev/zero", "/proc/self/mem", ".", "nothing"]))
        case "folder":
            path.unlink()
            path.mkdir()
        case "large":
            with path.open("r+b") as file:
                file.truncate(3 * 2**30)  # takes no room on the disk
        case "add":
            name = rng.choice(NAMES)
            with contextlib.suppress(OSError, ValueError):  # a name that this system does not have
                new = path.parent / name
                if new.resolve().is_relative_to(folder.resolve()):
                    new.parent.mkdir(parents=True, exist_ok=True)
                    new.write_text("text")
        case "swap":
            other = some_file(rng, folder)
            content = path.read_bytes()
            path.write_bytes(other.read_bytes())
            other.write_bytes(content)


def change_names(rng: random.Random, folder: Path) -> None:
    """Names in the manifest that the folder need not have."""
    manifest = json.loads((folder / MANIFEST).read_text())
    name = rng.choice(list(manifest["files"]))
    manifest["files"][f"{name}/{rng.choice(NAMES)}" if rng.random() < 0.5 else rng.choice(NAMES)] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(manifest))


def seal(folder: Path) -> None:
    """Give the manifest the right checksums, as somebody would who wants it to be imported."""
    with contextlib.suppress(ValueError, TypeError, KeyError, OSError):  # there may be no manifest any more
        if not (folder / MANIFEST).is_file() or (folder / MANIFEST).stat().st_size > 2**26:
            return
        manifest = json.loads((folder / MANIFEST).read_text())
        files = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST]
        usable = [path for path in files if not path.is_symlink() and path.stat().st_size < 2**26]
        manifest["files"] |= {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in usable
        }
        (folder / MANIFEST).write_text(json.dumps(manifest))


CHANGES: list[Callable[[random.Random, Path], None]] = [
    change_bytes, change_json, change_json, change_json, change_experiment, change_text, change_weights, change_files,
    change_names,
]  # fmt: skip


@pytest.fixture(scope="module")
def exported(new_store, tmp_path_factory) -> Path:
    store = new_store()
    sweep_id, _ = store.sweep(MINE, lambda cell: {"test/accuracy": 0.9, "train/accuracy": 0.8}, weights=True)
    store.client.set_tag(sweep_id, "sweep", sweep_id)
    folder = tmp_path_factory.mktemp("exported") / "out"
    export_sweep(store.client, select(store.client, ["mine"], everything=False), folder)
    return folder


def outcome(*line: str) -> tuple[int, str]:
    """Exit code and standard error of a command; any traceback is an error of the test's."""
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        return answer(list(line)), said.getvalue()


def fault_of(store, folder: Path, to: Path) -> str:
    """Import a folder; say what is wrong with what happens then, or that it was *imported* or *refused*."""
    begun = time.monotonic()
    code, said = outcome("import", str(folder))
    if time.monotonic() - begun > LIMIT_SECONDS:
        return "hangs"
    written = [one.name for one in store.client.search_experiments() if one.name != "Default"]
    if code:
        if code != 2 or not said.startswith("mlp: ") or said.count("\n") != 1 or len(said) > 1500:
            return f"exit code {code}: {said}"
        return f"written before it was refused: {said}" if written else "refused"
    for command in (("compare", *written), ("report", *written), ("export", *written, "--to", str(to))):
        code, said = outcome(*command)
        if code or "Traceback" in said:
            return f"imported, then {command[0]} ends with {code}: {said}"
    return "imported"


def count_outcomes(exported: Path, new_store, folder: Path, monkeypatch, seeds: range) -> Counter[str]:
    """Tamper with one export after another, and count what happens."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("TERM", "dumb")
    counts: Counter[str] = Counter()
    for seed in seeds:
        rng, copy, store = random.Random(seed), folder / f"copy-{seed}", new_store()
        monkeypatch.chdir(store.folder)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
        shutil.copytree(exported, copy)
        changes = [rng.choice(CHANGES) for _ in range(rng.choice([1, 1, 2]))]
        for change in changes:
            with contextlib.suppress(
                OSError, ValueError, LookupError, AttributeError, TypeError
            ):  # the first change left nothing for the second
                change(rng, copy)
        if rng.random() < 0.8:
            seal(copy)
        try:
            found = fault_of(store, copy, folder / f"again-{seed}")
        except Exception as error:  # noqa: BLE001
            found = f"traceback: {type(error).__name__}: {error}"
        if found not in ("imported", "refused"):
            print(f"\nseed {seed}, {[change.__name__ for change in changes]}: {found[:600]}", flush=True)
        counts[found.split(":")[0]] += 1
        shutil.rmtree(copy)
    print(f"\n{dict(counts)}")
    return counts


def test_twenty_tampered_exports_are_imported_whole_or_refused_in_one_line(exported, new_store, tmp_path, monkeypatch):
    counts = count_outcomes(exported, new_store, tmp_path, monkeypatch, range(20))
    assert set(counts) <= {"imported", "refused"}


@pytest.mark.slow
def test_all_tampered_exports_are_imported_whole_or_refused_in_one_line(exported, new_store, tmp_path, monkeypatch):
    counts = count_outcomes(exported, new_store, tmp_path, monkeypatch, range(SEED + 20, SEED + 20 + TAMPERED))
    assert set(counts) <= {"imported", "refused"}
