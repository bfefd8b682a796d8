"""Both servers use one login, which is kept secret from everybody else."""

import socket
import stat
import sys

import pytest
from mlflow.server.auth.config import read_auth_config

from flows.errors import ConfigurationError
from flows.service.security import Login, mlflow_security, prefect_login, prefect_login_file, read_login

LOGIN = Login("ada", "correct: horse battery")


@pytest.fixture
def login_file(tmp_path):
    path = tmp_path / "login.txt"
    path.write_text("ada:correct: horse battery\n")
    path.chmod(0o600)
    return path


def test_a_login_is_read_from_a_private_file_and_a_password_may_contain_colons_and_spaces(login_file):
    assert read_login(login_file) == LOGIN


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o660])
def test_a_file_that_others_can_read_or_write_is_refused(login_file, mode):
    login_file.chmod(mode)
    with pytest.raises(ConfigurationError, match=r"login\.txt can be read by others; allowed: a file of mode 600"):
        read_login(login_file)


@pytest.mark.parametrize(
    "content", ["", "ada", "ada:short", ":correct horse battery", "ada:one line\nand another", "\xff"]
)
def test_a_malformed_login_is_refused_without_showing_it(login_file, content):
    login_file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"--auth: .*allowed: ") as refused:
        read_login(login_file)
    assert "horse" not in str(refused.value)
    assert "short" not in str(refused.value)


@pytest.mark.parametrize(
    "login", ["jürgen:correct horse battery", "ada:richtig pferd größe", "ada:correct\thorse battery"]
)
def test_a_login_at_which_prefects_server_fails_is_refused(login_file, login):
    login_file.write_text(login, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"--auth: .*allowed: one line NAME:PASSWORD of ASCII characters"):
        read_login(login_file)


def test_a_missing_login_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"--auth: .*No such file"):
        read_login(tmp_path / "nothing")


def test_the_clients_of_both_servers_use_the_login():
    expected = {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "correct: horse battery"}
    assert LOGIN.mlflow_client() == expected
    assert LOGIN.text == "ada:correct: horse battery"


def test_the_login_of_prefect_is_made_once_and_only_its_owner_can_read_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlruns").mkdir()
    made = prefect_login()
    assert prefect_login() == made
    assert len(made.password) >= 32
    assert stat.S_IMODE(prefect_login_file().stat().st_mode) == 0o600 or sys.platform == "win32"
    prefect_login_file().unlink()
    assert prefect_login() != made


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
@pytest.mark.parametrize("before", [None, 0o644])
def test_only_the_owner_can_read_the_passwords_of_mlflow(tmp_path, monkeypatch, before):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mlruns" / "mlflow-login.db"
    if before:
        path.parent.mkdir()
        path.touch(before)
    mlflow_security("127.0.0.1", 5000, LOGIN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("folder", ["plain", "100 %"])
def test_mlflow_reads_the_settings_written_for_it_and_no_file_contains_the_password(tmp_path, monkeypatch, folder):
    (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / folder)
    environment = mlflow_security("10.0.0.7", 5000, LOGIN)
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", environment["MLFLOW_AUTH_CONFIG_PATH"])
    settings = read_auth_config()
    assert settings.default_permission == "NO_PERMISSIONS"
    assert settings.database_uri == f"sqlite:///{tmp_path / folder}/mlruns/mlflow-login.db"
    assert settings.auth_cache_ttl_seconds == 60
    assert environment["MLFLOW_AUTH_ADMIN_USERNAME"] == "ada"
    assert not any("battery" in path.read_text() for path in tmp_path.rglob("*") if path.is_file())


def test_mlflow_accepts_only_this_machines_names_at_its_port(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = mlflow_security("10.0.0.7", 5000, LOGIN)
    names = {"localhost", "127.0.0.1", "::1", "10.0.0.7", socket.gethostname(), socket.getfqdn()}
    assert set(environment["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")) == {f"{name}:5000" for name in names}
    origins = environment["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"].split(",")
    assert set(origins) == {f"http://{name}:5000" for name in names}


def test_sessions_are_signed_with_a_new_secret_at_each_start_unless_one_is_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_FLASK_SERVER_SECRET_KEY", raising=False)
    first, second = (mlflow_security("127.0.0.1", 5000, LOGIN)["MLFLOW_FLASK_SERVER_SECRET_KEY"] for _ in range(2))
    assert first != second
    assert len(first) >= 32
    monkeypatch.setenv("MLFLOW_FLASK_SERVER_SECRET_KEY", "mine")
    assert mlflow_security("127.0.0.1", 5000, LOGIN)["MLFLOW_FLASK_SERVER_SECRET_KEY"] == "mine"
