"""A Prefect server for the tests of schedules."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from prefect.settings import PREFECT_API_URL
from prefect.testing.utilities import prefect_test_harness


@pytest.fixture(scope="module")
def page_size() -> Iterator[int]:
    """How many Prefect lists at once; 200 without this."""
    with patch.dict(os.environ, {"PREFECT_SERVER_API_DEFAULT_LIMIT": "20"}):
        yield 20


@pytest.fixture(scope="module")
def server(tmp_path_factory, page_size) -> Iterator[str]:
    """A Prefect server with an empty database."""
    folder = str(tmp_path_factory.mktemp("prefect"))
    # Prefect would remove a temporary folder of its own only when the process ends.
    with patch("prefect.testing.utilities.mkdtemp", lambda: folder), prefect_test_harness(server_startup_timeout=120):
        address = PREFECT_API_URL.value()
        assert address
        with patch.dict(os.environ, {"PREFECT_API_URL": address}):
            yield address
