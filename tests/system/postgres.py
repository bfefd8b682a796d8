"""A PostgreSQL server of the tests' own, which can be restarted."""

import getpass
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flows.platform.servers import free_port

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@dataclass(frozen=True)
class Postgres:
    """A server that keeps its data in a folder."""

    data: Path
    as_user: list[str]
    port: int = field(default_factory=free_port)

    @property
    def address(self) -> str:
        """The address without a database's name."""
        return f"postgresql://mlp@127.0.0.1:{self.port}"

    def call(self, program: str, *arguments: str) -> None:
        command = [*self.as_user, str(PROGRAMS[-1] / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/", timeout=120)

    def start(self) -> None:
        settings = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.data} -c fsync=off"
        self.call("pg_ctl", "-D", str(self.data), "-l", str(self.data / "log"), "-w", "-o", settings, "start")

    def stop(self, how: str) -> None:
        """Stop it: *fast* ends the sessions, *immediate* is a crash."""
        self.call("pg_ctl", "-D", str(self.data), "-w", "-m", how, "stop")

    def restart(self, how: str, seconds_down: float) -> None:
        self.stop(how)
        time.sleep(seconds_down)
        self.start()


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """A server with two empty databases; without PostgreSQL the test is skipped."""
    pytest.importorskip("psycopg", reason="no psycopg: install mlp-flows[postgres]")
    if not PROGRAMS:
        pytest.skip("no PostgreSQL: install Debian's package postgresql")
    data, as_user = folder / "postgres", []
    if getpass.getuser() == "root":  # PostgreSQL refuses to run as root
        if not shutil.which("runuser"):
            pytest.skip("PostgreSQL does not run as root")
        as_user = ["runuser", "-u", "postgres", "--"]
        for parent in [folder, *list(folder.parents)[:3]]:
            parent.chmod(0o755)
        data.mkdir()
        shutil.chown(data, "postgres")
    server = Postgres(data, as_user)
    server.call("initdb", "-D", str(data), "-U", "mlp", "--auth=trust", "-E", "UTF8")
    server.start()
    try:
        for name in ("mlp", "mlp_prefect"):
            server.call("createdb", "-h", "127.0.0.1", "-p", str(server.port), "-U", "mlp", name)
        yield server
    finally:
        server.stop("immediate")
