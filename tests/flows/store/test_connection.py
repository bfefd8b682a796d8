"""A store is opened wherever it is: moved, copied, read-only, in a folder with an odd name; or refused in one line."""

import shutil
import socket
import sqlite3
import subprocess
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache

from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.platform.paths import sqlite_file, sqlite_uri, tracking_uri
from flows.store import connection
from flows.store.artifacts import artifact
from flows.store.connection import adopted, open_store
from flows.store.experiments import open_experiment
from flows.store.results import load_runs

SOME = Experiment(name="some", seeds="0-1", data={"name": "digits", "side": 8})


def accuracy(cell) -> dict[str, float]:
    return {"test/accuracy": 0.9}


def artifact_text(client, run_id: str) -> str:
    with artifact(client, run_id, "note.txt") as path:
        return path.read_text()


def copy_of(store, folder: Path) -> str:
    """A copy of a store's folder elsewhere, as `cp -r` makes it when nobody writes; its address."""
    with closing(sqlite3.connect(store.folder / "mlflow.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(store.folder, folder)
    return sqlite_uri(folder / "mlflow.db")


@pytest.fixture
def noted(store):
    """A store with a sweep, each of whose runs has an artifact."""
    store.sweep(SOME, accuracy)
    store.runs = [run.info.run_id for run in store.client.search_runs([store.experiment("some")])]
    for run_id in store.runs:
        store.client.log_text(run_id, "old", "note.txt")
    return store


class TestMoved:
    def test_a_copied_store_reads_and_writes_its_own_artifacts_and_none_of_the_original(self, noted, tmp_path):
        client = open_store(copy_of(noted, tmp_path / "copy"))
        _artifact_repos_cache.clear()  # by run id, as if a process had only one store
        for run_id in noted.runs:
            client.log_text(run_id, "new", "note.txt")
            assert artifact_text(client, run_id) == "new"
            assert (noted.folder / "artifacts" / "some" / run_id / "artifacts" / "note.txt").read_text() == "old"
        new = client.create_run(open_experiment(client, SOME))
        assert new.info.artifact_uri.startswith(str(tmp_path / "copy"))

    def test_a_moved_store_is_compared(self, noted, tmp_path):
        uri = copy_of(noted, tmp_path / "moved")
        shutil.rmtree(noted.folder)
        assert len(load_runs("some", tracking_server=uri)) == 2

    def test_its_addresses_are_replaced_once_after_a_copy_of_its_database(self, noted, tmp_path):
        folder = tmp_path / "moved"
        (noted.folder / "mlflow.before-move.db").unlink(missing_ok=True)  # these tests' stores are copies
        open_store(noted.uri)
        assert not list(noted.folder.glob("*.before-move.db")), "a store that stays is left alone"
        uri = copy_of(noted, folder)
        with closing(sqlite3.connect(folder / "mlflow.db")) as database:
            before = database.execute("select run_uuid, artifact_uri from runs").fetchall()
        open_store(uri)
        backup = folder / "mlflow.before-move.db"
        with closing(sqlite3.connect(backup)) as database:
            assert database.execute("select run_uuid, artifact_uri from runs").fetchall() == before
        backup.unlink()
        open_store(uri)
        assert not backup.exists()

    def test_experiments_of_a_service_that_has_ended_are_read_without_it(self, noted):
        with closing(sqlite3.connect(noted.folder / "mlflow.db")) as database, database:
            database.execute("update experiments set artifact_location = 'mlflow-artifacts:/some' where name = 'some'")
            database.execute(
                "update runs set artifact_uri = replace(artifact_uri, ?, 'mlflow-artifacts:/some')",
                (str(noted.folder / "artifacts" / "some"),),
            )
        client = open_store(noted.uri)
        assert [artifact_text(client, run_id) for run_id in noted.runs] == ["old"] * len(noted.runs)

    @pytest.mark.parametrize(
        ("location", "expected"),
        [
            ("/here/artifacts/some", None),
            ("file:///here/artifacts/some", None),
            ("mlflow-artifacts:/7", "/here/artifacts/7"),
            ("mlflow-artifacts://host:5000/7", "/here/artifacts/7"),
            ("/gone/artifacts/some", "/here/artifacts/some"),
            ("file:///gone/artifacts/a%20b", "file:///here/artifacts/a%20b"),
            ("s3://bucket/artifacts/some", None),
            ("/chosen/by/somebody", None),
        ],
    )
    def test_only_addresses_of_a_service_or_of_another_folder_are_replaced(self, location, expected):
        assert adopted(location, Path("/here/artifacts")) == expected

    def test_a_location_that_somebody_chose_and_that_exists_stays(self, tmp_path):
        chosen = tmp_path / "artifacts" / "mine"
        chosen.mkdir(parents=True)
        assert adopted(str(chosen), Path("/here/artifacts")) is None


class TestPlaces:
    @pytest.mark.parametrize("name", ["a?b", "a#b", "a b", "a%20b", "ä", "a&b=c", "both 'kinds' of \"quotes\"", "a :b"])
    def test_a_folder_may_have_any_name(self, tmp_path, name, monkeypatch):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        file = tmp_path / name / "mlflow.db"
        assert sqlite_file(sqlite_uri(file)) == file
        client = open_store(sqlite_uri(file))
        run = client.create_run(open_experiment(client, SOME))
        client.log_text(run.info.run_id, "old", "note.txt")
        assert artifact_text(client, run.info.run_id) == "old"
        assert file.exists()
        assert [path.name for path in tmp_path.iterdir()] == [name]

    def test_a_store_on_a_read_only_file_system_is_read(self, noted, tmp_path):
        folder = tmp_path / "disk"
        uri = copy_of(noted, folder)
        open_store(uri)  # as its owner did
        if subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True).returncode:
            pytest.skip("this user can't mount a file system")
        try:
            subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
            assert len(load_runs("some", tracking_server=uri)) == 2
            client = open_store(uri)
            assert [artifact_text(client, run_id) for run_id in noted.runs] == ["old"] * len(noted.runs)
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)


class TestRefusals:
    @pytest.mark.parametrize("uri", ["sqlite:////proc/x.db", "sqlite:////dev/null/x.db"])
    def test_a_place_where_no_file_can_be_made_is_refused_at_once(self, uri):
        with pytest.raises(ConfigurationError, match="can't be used"):
            open_store(uri)

    @pytest.mark.parametrize(
        "damage",
        [lambda whole: b"text", lambda whole: whole[:5000], lambda whole: whole[:100] + b"x", lambda whole: b""],
    )
    def test_a_damaged_database_is_called_damaged(self, store, tmp_path, damage):
        uri = copy_of(store, tmp_path / "other")
        file = tmp_path / "other" / "mlflow.db"
        content = damage(file.read_bytes())
        file.write_bytes(content)
        with pytest.raises(ConfigurationError, match=rf"^store: {file} is damaged; allowed: .* a backup"):
            open_store(uri)
        assert file.read_bytes() == content

    def test_a_store_that_another_process_has_locked_is_waited_for_and_then_refused(self, store, monkeypatch, capsys):
        monkeypatch.setattr(connection, "LOCK_SECONDS", 0.2)
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with FileLock(store.folder / "mlflow.lock"):
                held.set()
                done.wait(30)

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(30)
        with pytest.raises(ConfigurationError, match="is locked by another process"):
            open_store(store.uri)
        assert "mlflow.db, which another process has locked" in capsys.readouterr().err
        done.set()
        thread.join()
        assert open_store(store.uri)

    def test_a_database_server_that_does_not_answer_is_named_without_its_password(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with pytest.raises(ConfigurationError, match=r"can't be used \(.*refused") as error:
            open_store(tracking_uri(f"postgresql://me:secret@127.0.0.1:{port}/mlp"))
        assert "secret" not in str(error.value)

    @pytest.mark.parametrize("uri", ["postgresql://[", "postgresql://host:port/x", "postgresql+nothing://host/x"])
    def test_an_address_that_is_no_address_of_a_database_is_refused(self, uri):
        with pytest.raises(ConfigurationError, match="can't be used"):
            open_store(tracking_uri(uri))

    @pytest.mark.parametrize(
        "uri",
        [
            "postgres://me@h/n?password=s3cret",
            "me:s3cret@h/n",
            "postgres://me:a s3cret@h/n",
            "mysql://me:s3cret@h/n",
            "",
        ],
    )
    def test_an_address_of_another_kind_is_refused_and_its_password_not_shown(self, uri):
        with pytest.raises(
            ConfigurationError, match=r"^tracking URI: another kind of address given; allowed: "
        ) as refusal:
            open_store(uri)
        assert "cret" not in str(refusal.value)

    @pytest.mark.parametrize(
        ("status", "body", "message"),
        [
            (200, b"<html>a page</html>", "does not answer like MLflow"),
            (200, b'{"experiments": 3}', "does not answer like MLflow"),
            (404, b"", "does not answer like MLflow"),
            (401, b"", r"refuses the login; allowed: .* MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD$"),
        ],
    )
    def test_a_server_that_is_not_mlflow_or_refuses_the_login_is_named_without_the_login(self, status, body, message):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path.endswith("/health") else status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 (the library's name)

            def log_message(self, *arguments) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                place = f"127.0.0.1:{server.server_port}"
                with pytest.raises(ConfigurationError, match=rf"^tracking URI: http://{place} given, .*{message}"):
                    open_store(f"http://me:secret@{place}")
            finally:
                server.shutdown()
                thread.join()

    @pytest.mark.parametrize(
        ("revision", "message"),
        [
            ("451aebb31d03", "older MLflow; allowed after a backup .*mlflow db upgrade"),
            ("ffffffffffff", "newer MLflow"),
        ],
    )
    def test_a_store_of_another_version_names_the_way_out(self, store, tmp_path, revision, message):
        uri = copy_of(store, tmp_path / "other")
        with closing(sqlite3.connect(tmp_path / "other" / "mlflow.db")) as database, database:
            database.execute("update alembic_version set version_num = ?", (revision,))
        with pytest.raises(ConfigurationError, match=message):
            open_store(uri)
