"""Access to the servers of `mlp up`: their login, and the host names that MLflow accepts.

Prefect always has a login, since whoever can use its API can run programs as the owner of the service.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from flows.errors import ConfigurationError
from flows.platform.guard import server_names
from flows.platform.paths import store_folder
from flows.platform.system import create_private, readable_by_others

MIN_PASSWORD = 12  # MLflow's own rule
CACHED_SECONDS = 60  # without a cache each answer of MLflow takes a quarter of a second


@dataclass(frozen=True)
class Login:
    """A name and a password."""

    name: str
    password: str

    @property
    def text(self) -> str:
        """``NAME:PASSWORD``."""
        return f"{self.name}:{self.password}"

    def mlflow_client(self) -> dict[str, str]:
        """Variables with which MLflow's clients log in."""
        return {"MLFLOW_TRACKING_USERNAME": self.name, "MLFLOW_TRACKING_PASSWORD": self.password}


def read_login(path: Path) -> Login:
    """Read ``NAME:PASSWORD`` from a file that only its owner can read.

    Raises
    ------
    ConfigurationError
        If others can read the file, it can't be read, or it is not of this form.
    """
    try:
        if readable_by_others(path):
            raise ConfigurationError(f"--auth: {path} can be read by others; allowed: a file of mode 600")
        name, colon, password = path.read_text(encoding="utf-8").strip().partition(":")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--auth: {path} given ({error}); allowed: a file with NAME:PASSWORD") from None
    login = Login(name, password)
    # Prefect's server fails at other letters than those of ASCII.
    if not (name and colon and len(password) >= MIN_PASSWORD and login.text.isascii() and login.text.isprintable()):
        raise ConfigurationError(
            f"--auth: {path} given; allowed: one line NAME:PASSWORD of ASCII characters, with {MIN_PASSWORD} or more "
            "characters in PASSWORD"
        )
    return login


def prefect_login_file() -> Path:
    """The file of Prefect's login where none was given."""
    return store_folder() / "prefect-login.txt"


def prefect_login() -> Login:
    """Login of Prefect's server where none was given: generated at the first start, the same at later ones."""
    if not prefect_login_file().exists():
        with create_private(prefect_login_file()) as file:
            file.write(f"mlp:{secrets.token_urlsafe()}\n")
    return read_login(prefect_login_file())


def mlflow_security(host: str, port: int, login: Login) -> dict[str, str]:
    """Variables that set the login of MLflow's server and the host names that it accepts.

    MLflow creates the administrator at the first start; later the password is changed in MLflow and in the file.
    """
    names = server_names(host)
    settings, passwords = store_folder() / "mlflow-login.ini", store_folder() / "mlflow-login.db"
    settings.parent.mkdir(parents=True, exist_ok=True)
    passwords.touch(mode=0o600)
    passwords.chmod(0o600)  # of an older version
    database = str(passwords).replace("%", "%%")  # a lone % has a meaning in INI files
    settings.write_text(
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{database}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        f"auth_cache_ttl_seconds = {CACHED_SECONDS}\n"
    )
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_USERNAME": login.name,
        "MLFLOW_AUTH_ADMIN_PASSWORD": login.password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": os.environ.get("MLFLOW_FLASK_SERVER_SECRET_KEY", secrets.token_hex()),
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(f"{name}:{port}" for name in names),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(f"http://{name}:{port}" for name in names),
    }
