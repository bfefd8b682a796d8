"""A sweep over machines with addresses of their own: one is cut off or dies, and no cell is lost or doubled.

The machines are network namespaces on a bridge in a namespace of its own, which take root. ``make test-machines`` runs
this, for a quarter of an hour; ``CUT_SECONDS=360`` cuts them off for longer.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.system.conftest import Workplace
from tests.system.processes import descendants

CUT_SECONDS = int(os.environ.get("CUT_SECONDS", "0"))
pytestmark = [
    pytest.mark.system,
    pytest.mark.slow,
    pytest.mark.skipif(not CUT_SECONDS, reason="takes a quarter of an hour: `make test-machines`"),
]
LOGIN = "admin:correct-horse-battery"
CELLS, STACKS, EPOCHS = 9, 8, 60
MLFLOW, PREFECT, SCHEDULER = 5000, 4200, 8786


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass(frozen=True)
class Machine(Workplace):
    """A network namespace, with a folder in which its commands run."""

    name: str = ""
    address: str = ""

    @property
    def port(self) -> str:
        """The end of its cable at the bridge."""
        return f"to-{self.name.rpartition('-')[2]}"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a program of this environment on the machine; its output goes to `out.txt`."""
        program = ["ip", "netns", "exec", self.name, sys.executable, *arguments]
        with (self.folder / "out.txt").open("a") as output:
            return subprocess.Popen(
                program, cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, text=True, start_new_session=True,
            )  # fmt: skip


@dataclass(frozen=True)
class Laboratory:
    """A service, the desk where sweeps are started, two workers, and the bridge that joins them."""

    bridge: str
    service: Machine
    desk: Machine
    workers: tuple[Machine, Machine]
    nannies: list[subprocess.Popen[str]]

    def cut_off(self, machine: Machine) -> None:
        """Pull the cable of a machine for a while: packets vanish, and nobody is told."""
        ip("-n", self.bridge, "link", "set", machine.port, "nomaster")
        time.sleep(CUT_SECONDS)
        ip("-n", self.bridge, "link", "set", machine.port, "master", "bridge")

    def kill(self, worker: int) -> None:
        """End a worker, and the nanny that would start it again."""
        nanny = self.nannies[worker]
        for one in [*descendants(nanny.pid), psutil.Process(nanny.pid)]:
            one.kill()


def connect(bridge: str, machine: Machine) -> None:
    """Make the namespace of a machine, and a cable from it to the bridge."""
    ip("netns", "add", machine.name)
    ip("-n", bridge, "link", "add", machine.port, "type", "veth", "peer", "name", "eth0", "netns", machine.name)
    ip("-n", bridge, "link", "set", machine.port, "master", "bridge", "up")
    ip("-n", machine.name, "addr", "add", f"{machine.address}/24", "dev", "eth0")
    ip("-n", machine.name, "link", "set", "eth0", "up")
    ip("-n", machine.name, "link", "set", "lo", "up")


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[Laboratory]:
    pytest.importorskip("prefect_dask", reason="no Dask: install mlp-flows[dask]")
    prefix = f"mlp{os.getpid()}"
    bridge, names = f"{prefix}-bridge", ("service", "desk", "one", "two")
    try:
        ip("netns", "add", bridge)
        ip("-n", bridge, "link", "add", "bridge", "type", "bridge")
        ip("-n", bridge, "link", "set", "bridge", "up")
    except (OSError, subprocess.CalledProcessError):
        subprocess.run(["ip", "netns", "del", bridge], capture_output=True, check=False)
        pytest.skip("no network namespaces: this user may not make them")
    machines, started = [], []
    try:
        for number, name in enumerate(names, start=1):
            folder = tmp_path / name
            folder.mkdir()
            variables = {
                "MLFLOW_TRACKING_URI": f"http://10.77.0.1:{MLFLOW}",
                "MLFLOW_TRACKING_USERNAME": "admin",
                "MLFLOW_TRACKING_PASSWORD": LOGIN.partition(":")[2],
                "PREFECT_API_URL": f"http://10.77.0.1:{PREFECT}/api",
                "PREFECT_API_AUTH_STRING": LOGIN,
            }
            own = {"TMPDIR": str(folder)} | ({} if name == "service" else variables)
            machine = Machine(folder, own, f"{prefix}-{name}", f"10.77.0.{number}")
            connect(bridge, machine)
            machines.append(machine)
        service, desk, *workers = machines
        login = service.folder / "login.txt"
        login.write_text(LOGIN)
        login.chmod(0o600)
        ports = ("--mlflow-port", str(MLFLOW), "--prefect-port", str(PREFECT))
        started.append(service.start(service.command, "up", "--host", service.address, "--auth", "login.txt", *ports))
        service.wait_until(lambda: "Ctrl-C ends" in service.output() or started[0].poll() is not None, 300)
        assert started[0].poll() is None, service.output()
        cluster = f"tcp://{desk.address}:{SCHEDULER}"
        started.append(desk.start("-m", "distributed.cli.dask_scheduler", "--host", cluster, "--no-dashboard"))
        nannies = [
            worker.start("-m", "distributed.cli.dask_worker", cluster, "--nthreads", "1", "--no-dashboard")
            for worker in workers
        ]
        started += nannies
        desk.wait_until(lambda: desk.output().count("Register worker") == 2, 120)
        yield Laboratory(bridge, service, desk, (workers[0], workers[1]), nannies)
    finally:
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(120)
            except subprocess.TimeoutExpired:
                process.kill()
        for name in (*(machine.name for machine in machines), bridge):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.mark.parametrize("trouble", ["a worker is cut off", "a worker is killed", "the service is cut off"])
def test_a_sweep_over_two_machines_trains_every_cell_once_whatever_happens_to_one(laboratory, trouble):
    service, desk = laboratory.service, laboratory.desk
    networks = ", ".join(f"{{hidden: [{size}]}}" for size in range(24, 24 + STACKS))
    address = f"tcp://{desk.address}:{SCHEDULER}"
    sweep = desk.start(
        desk.command, "run", "demo", "--data", "digits", "--set", f"networks=[{networks}]", "--epochs", str(EPOCHS),
        "--workers", "2", "--runner", "dask", "--address", address,
    )  # fmt: skip
    try:
        desk.wait_until(lambda: len(service.finished_runs()) >= CELLS or sweep.poll() is not None, 300)
        early = len(service.finished_runs())
        assert early < STACKS * CELLS, "it ended before there was trouble"
        if trouble == "a worker is killed":
            laboratory.kill(0)
        else:
            laboratory.cut_off(service if "service" in trouble else laboratory.workers[0])
        assert sweep.wait(600) == 0, desk.output()
    finally:
        sweep.kill()
    cells = service.finished_cells()  # fails if one is there twice
    assert len(cells) == STACKS * CELLS
    for points in cells.values():
        assert [step for name, step, _ in points if name == "test/accuracy"] == list(range(EPOCHS + 1))
    assert service.runs("sweep") == {"FINISHED": 1}
    assert not service.runs("cell")["RUNNING"]
