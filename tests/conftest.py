"""What several test files share."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The products in tests are small: more BLAS threads only wait for each other. Set before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No test measures time, on machines that other people use too.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

MNIST_IN_DATA_HOME = "openml/openml.org/data/v1/download/52667/mnist_784.arff.gz"


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the tests and all processes that they start a folder for temporary files, which must be empty at the end."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        for name in ("TMPDIR", "TEMP", "TMP"):
            patch.setenv(name, str(folder))
        yield

    def left() -> list[str]:  # scikit-learn's checks of estimators remove theirs when this process ends
        return [name for name in os.listdir(folder) if not name.startswith("sklearn_testing_")]

    deadline = time.monotonic() + 10  # for processes that are ending
    while left() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left() == [], f"temporary files are left in {folder}"


@pytest.fixture(scope="session")
def mnist_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a scikit-learn data home that has the real MNIST: scikit-learn deletes files that it can't parse."""
    candidates = [Path(__file__).parents[2] / "shared" / "data"]
    if "SCIKIT_LEARN_DATA" in os.environ:
        candidates.insert(0, Path(os.environ["SCIKIT_LEARN_DATA"]).expanduser())
    home = next((home for home in candidates if (home / MNIST_IN_DATA_HOME).exists()), None)
    if home is None:
        pytest.skip("no real MNIST: set SCIKIT_LEARN_DATA to a scikit-learn data home that has mnist_784")
    copy = tmp_path_factory.mktemp("mnist_home")
    for file in (home / "openml").rglob("*.gz"):
        target = copy / file.relative_to(home)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return copy
