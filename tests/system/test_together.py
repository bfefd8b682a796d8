"""Sweeps that share a store at the same time, and stacks trained by several workers or on a cluster."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from flows.platform.servers import free_port
from tests.system.processes import command_line, descendants

pytestmark = [pytest.mark.system, pytest.mark.slow]

SWEEPS, CELLS, EPOCHS = 8, 9, 5
SMALL = ("run", "demo", "--data", "digits", "--epochs", str(EPOCHS))


def run_eight(workplace, *options: str) -> None:
    """Run eight sweeps at once, each with its own seeds."""
    processes = []
    for i in range(SWEEPS):
        seeds = f"{3 * i}-{3 * i + 2}"
        processes.append(
            subprocess.Popen(
                [workplace.command, *SMALL, "--seeds", seeds, *options],
                cwd=workplace.folder,
                env=workplace.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    outputs = [process.communicate(timeout=500)[0] for process in processes]
    failed = [
        text for process, text in zip(processes, outputs, strict=True) if process.returncode or "Traceback" in text
    ]
    assert not failed, "\n".join(failed)


def test_eight_sweeps_at_once_on_one_sqlite_store_lose_nothing(workplace):
    run_eight(workplace)
    cells = workplace.finished_cells()
    assert len(cells) == SWEEPS * CELLS
    for points in cells.values():
        assert [step for name, step, _ in points if name == "test/accuracy"] == list(range(EPOCHS + 1))
    assert workplace.runs("sweep") == {"FINISHED": SWEEPS}
    assert set(workplace.runs("cell")) == {"FINISHED"}


def test_two_simultaneous_sweeps_train_the_cells_they_share_only_once(workplace):
    assert workplace.mlp(*SMALL, "--set", "name=first-opens-the-store").returncode == 0
    processes = [workplace.start(*SMALL, "--seeds", seeds, "--epochs", "60") for seeds in ("0-3", "2-5")]
    for process in processes:
        assert process.wait(300) == 0, workplace.output()
    assert len(workplace.finished_cells()) == CELLS + 18
    assert workplace.runs("sweep", "demo") == {"FINISHED": 2}


def query(postgres: str, sql: str) -> list[tuple]:
    import psycopg

    with psycopg.connect(f"{postgres}/mlp") as connection:
        return connection.execute(sql).fetchall()


def test_eight_sweeps_at_once_on_one_postgresql_store_lose_nothing(workplace, postgres):
    run_eight(workplace, "--tracking-uri", f"{postgres}/mlp")
    counts = dict(
        query(
            postgres,
            "select r.status, count(*) from runs r join tags t using (run_uuid) where t.key = 'cell' group by 1",
        )
    )
    assert counts == {"FINISHED": SWEEPS * CELLS}
    doubled = "select 1 from metrics group by run_uuid, key, step having count(*) > 1"
    assert query(postgres, doubled) == []
    points = query(postgres, "select count(*) from metrics where key = 'test/accuracy' group by run_uuid")
    assert [count for (count,) in points].count(EPOCHS + 1) >= SWEEPS * CELLS


def test_a_databases_password_is_in_no_file_no_tag_no_message_and_no_command_line(workplace, postgres):
    mark = "marked-pass/word"
    address = f"{postgres.replace('mlp@', f'mlp:{mark}@')}/mlp"
    by_variable = replace(workplace, variables={"MLFLOW_TRACKING_URI": address})
    said, option = [], ("--tracking-uri", address)
    for place, arguments in ((workplace, (*SMALL, *option)), (by_variable, (*SMALL, "--seeds", "5-6"))):
        ran = place.mlp(*arguments)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        said.append(ran)
    later = ("compare", "demo", *option), ("status",), ("export", "demo", "--to", "exported"), ("sync",)
    said += [by_variable.mlp(*arguments) for arguments in later]
    said.append(workplace.mlp("compare", "demo", "--tracking-uri", address.replace("127.0.0.1", "nowhere.invalid")))
    pages = by_variable.start("ui", "--port", str(free_port()))
    try:
        workplace.wait_until(lambda: "http://" in workplace.output() or pages.poll() is not None)
        started = [pages, *descendants(pages.pid)]
        assert len(started) > 1, workplace.output()
        assert [process.pid for process in started if mark in " ".join(command_line(psutil.Process(process.pid)))] == []
    finally:
        pages.terminate()
        pages.wait(60)
    assert [ran.args[1:] for ran in said if mark in ran.stdout + ran.stderr] == []
    files = [path for path in workplace.folder.rglob("*") if path.is_file() and "postgres" not in path.parts]
    assert [path for path in files if mark.encode() in path.read_bytes()] == []
    assert query(postgres, f"select key, value from tags where value like '%{mark}%'") == []
    assert query(postgres, f"select key, value from params where value like '%{mark}%'") == []


def test_the_service_keeps_both_of_its_databases_in_postgresql(workplace, postgres):
    ports = ("--mlflow-port", str(free_port()), "--prefect-port", str(free_port()))
    process = workplace.start("up", *ports, "--database", f"{postgres}/mlp")
    try:
        workplace.wait_until(lambda: "Ctrl-C ends" in workplace.output() or process.poll() is not None, 240)
        assert process.poll() is None, workplace.output()
        ran = workplace.mlp(*SMALL)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    finally:
        process.terminate()
        process.wait(120)
    assert not (workplace.folder / "mlruns" / "mlflow.db").exists()
    assert not (workplace.folder / "mlruns" / "prefect" / "prefect.db").exists()
    import psycopg

    with psycopg.connect(f"{postgres}/mlp_prefect") as connection:
        assert connection.execute("select state_name from flow_run").fetchall() == [("Completed",)]


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster on this machine: its address, and two workers with one thread each."""

    address: str
    workers: list[subprocess.Popen]


@pytest.fixture
def cluster(workplace) -> Iterator[Cluster]:
    pytest.importorskip("prefect_dask", reason="no Dask: install mlp-flows[dask]")
    address = f"tcp://127.0.0.1:{free_port()}"
    folder = workplace.folder / "dask"
    folder.mkdir()

    def start(module: str, *arguments: str) -> subprocess.Popen:
        with (folder / "log.txt").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"],
                cwd=folder, env=workplace.environment() | {"TMPDIR": str(folder)}, stdout=log, stderr=log,
            )  # fmt: skip

    scheduler = start("dask_scheduler", "--host", address)
    workers = [start("dask_worker", address, "--nthreads", "1", "--local-directory", str(folder)) for _ in range(2)]
    time.sleep(5)
    yield Cluster(address, workers)
    for process in (*workers, scheduler):
        process.terminate()
        process.wait()


@pytest.fixture
def dask(cluster: Cluster) -> str:
    """The address of a Dask cluster."""
    return cluster.address


def weights(workplace) -> dict[str, bytes]:
    """The weights of each finished cell, as bytes from the store."""
    import numpy as np

    found = {}
    for key, folder in workplace.query(
        "select t.value, r.artifact_uri from runs r join tags t using (run_uuid) "
        "where t.key = 'cell' and r.status = 'FINISHED'"
    ):
        with np.load(Path(folder) / "weights.npz", allow_pickle=False) as arrays:
            found[key] = b"".join(arrays[name].tobytes() for name in sorted(arrays.files))
    return found


def test_two_dask_workers_train_the_same_bits_as_two_processes(workplace, shared_workplace, dask):
    grid = (*SMALL, "--set", "networks=[{hidden: [24]}, {hidden: [32]}]", "--workers", "2")
    on_dask = workplace.mlp(*grid, "--runner", "dask", "--address", dask)
    assert on_dask.returncode == 0, on_dask.stdout + on_dask.stderr
    assert "Task" not in on_dask.stderr
    on_processes = shared_workplace.mlp(*grid)
    assert on_processes.returncode == 0, on_processes.stderr
    assert len(weights(workplace)) == 18
    assert weights(workplace) == weights(shared_workplace)
    assert workplace.finished_cells() == shared_workplace.finished_cells()


def test_when_a_dask_worker_dies_no_cell_that_it_had_finished_is_trained_again(workplace, cluster):
    networks = ", ".join(f"{{hidden: [{size}]}}" for size in (24, 28, 32, 36))
    grid = (*SMALL, "--set", f"networks=[{networks}]", "--epochs", "20", "--workers", "2", "--force")
    process = workplace.start(*grid, "--runner", "dask", "--address", cluster.address)
    workplace.wait_until(lambda: len(workplace.finished_runs()) >= CELLS or process.poll() is not None, 300)
    first = cluster.workers[0]
    for one in [*descendants(first.pid), psutil.Process(first.pid)]:  # its nanny, which would start it again, too
        one.kill()
    early = len(workplace.finished_runs())
    assert process.wait(400) == 0, workplace.output()
    assert early < 4 * CELLS, "it died before the end"
    assert len(workplace.finished_cells()) == 4 * CELLS
    assert workplace.runs("sweep") == {"FINISHED": 1}
    assert not workplace.runs("cell")["RUNNING"]


def test_one_two_and_three_workers_train_the_same_bits(workplace):
    places = []
    for workers in (1, 2, 3):
        place = replace(workplace, folder=workplace.folder / str(workers))
        place.folder.mkdir()
        wide = ("--set", "data.rows=null", "--set", "networks.0.hidden=[128]", "--epochs", "150")  # worth dividing
        done = place.mlp(*SMALL, *wide, "--workers", str(workers))
        assert done.returncode == 0, done.stderr
        with closing(sqlite3.connect(place.folder / "mlruns" / "prefect" / "prefect.db")) as prefect:
            stacks = prefect.execute("select count(*) from task_run where task_key like 'track_stack-%'").fetchone()
        assert stacks >= (workers,)
        places.append(place)
    for place in places[1:]:
        assert weights(place) == weights(places[0])
        assert place.finished_cells() == places[0].finished_cells()


def test_a_cluster_on_other_machines_needs_servers_that_it_can_reach(workplace):
    result = workplace.mlp(*SMALL, "--runner", "dask", "--address", "tcp://scheduler.example:8786")
    assert result.returncode == 2
    assert "cluster on other machines; allowed: a server that they can reach" in result.stderr
