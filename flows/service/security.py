"""Who may use the servers of `mlp up`: one login for both servers, and the host names that MLflow accepts."""

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from flows.errors import ConfigurationError
from flows.platform.paths import store_folder
from flows.platform.system import readable_by_others

MIN_PASSWORD = 12  # MLflow's own rule
CACHED_SECONDS = 60  # without a cache each answer of MLflow takes a quarter of a second


@dataclass(frozen=True)
class Login:
    """A name and a password."""

    name: str
    password: str

    def client_environment(self) -> dict[str, str]:
        """Variables with which MLflow's and Prefect's clients log in."""
        return {
            "MLFLOW_TRACKING_USERNAME": self.name,
            "MLFLOW_TRACKING_PASSWORD": self.password,
            "PREFECT_API_AUTH_STRING": f"{self.name}:{self.password}",
        }

    def prefect_server_environment(self) -> dict[str, str]:
        """Variables with which Prefect's server asks for the login."""
        return {"PREFECT_SERVER_API_AUTH_STRING": f"{self.name}:{self.password}"}


def read_login(path: Path) -> Login:
    """Read ``NAME:PASSWORD`` from a file that only its owner can read."""
    try:
        if readable_by_others(path):
            raise ConfigurationError(f"--auth: {path} can be read by others; allowed: a file of mode 600")
        name, colon, password = path.read_text(encoding="utf-8").strip().partition(":")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--auth: {path} given ({error}); allowed: a file with NAME:PASSWORD") from None
    if not name or not colon or len(password) < MIN_PASSWORD or "\n" in password:
        raise ConfigurationError(
            f"--auth: {path} given; allowed: one line NAME:PASSWORD, with {MIN_PASSWORD} or more characters in PASSWORD"
        )
    return Login(name, password)


def mlflow_security(host: str, port: int, login: Login) -> dict[str, str]:
    """Variables that set the login of MLflow's server and the host names that it accepts.

    MLflow creates the administrator at the first start; later the password is changed in MLflow and in the file.
    """
    names = dict.fromkeys(["localhost", "127.0.0.1", host, socket.gethostname(), socket.getfqdn()])
    settings = store_folder() / "mlflow-login.ini"
    settings.parent.mkdir(parents=True, exist_ok=True)
    database = str(store_folder() / "mlflow-login.db").replace("%", "%%")  # a lone % has a meaning in INI files
    settings.write_text(
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{database}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        f"auth_cache_ttl_seconds = {CACHED_SECONDS}\n",
    )
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_USERNAME": login.name,
        "MLFLOW_AUTH_ADMIN_PASSWORD": login.password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": os.environ.get("MLFLOW_FLASK_SERVER_SECRET_KEY", secrets.token_hex()),
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(f"{name}:{port}" for name in names),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(f"http://{name}:{port}" for name in names),
    }
