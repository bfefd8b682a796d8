"""The environment variables of Prefect and MLflow are set before either is imported."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import make_url

from flows.errors import ConfigurationError
from flows.platform.environment import prepare_environment


def test_prefect_keeps_its_files_in_the_store_and_variables_set_by_the_user_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with patch.dict(os.environ, {"MLFLOW_HTTP_REQUEST_TIMEOUT": "7"}, clear=True):
        prepare_environment()
        assert os.environ["PREFECT_HOME"] == str(tmp_path / "mlruns" / "prefect")
        assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
        assert "PREFECT_API_DATABASE_CONNECTION_URL" not in os.environ


def test_an_address_that_prefect_can_not_parse_is_refused_before_prefect_prints_a_page_about_it():
    with (
        patch.dict(os.environ, {"PREFECT_API_URL": "http://["}),
        pytest.raises(ConfigurationError, match=r"^PREFECT_API_URL: "),
    ):
        prepare_environment()


@pytest.mark.parametrize("name", ["a?b", "a#b", "a&b=c", "a%20b"])
def test_prefect_gets_the_address_of_its_database_if_a_folder_has_a_sign_that_has_a_meaning_in_addresses(
    tmp_path, monkeypatch, name
):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    with patch.dict(os.environ, clear=True):
        prepare_environment()
        address = make_url(os.environ["PREFECT_API_DATABASE_CONNECTION_URL"])
    # sqlite3 opens what SQLAlchemy hands over.
    place = Path("mlruns/prefect/prefect.db").absolute()
    place.parent.mkdir(parents=True)
    with closing(sqlite3.connect(f"{address.database}", uri=True)) as database:
        database.execute("create table some (x)")
    assert place.exists()
    assert os.listdir(tmp_path) == [name]
