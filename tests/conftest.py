"""What several test files share."""

import os
import shutil
from pathlib import Path

import pytest

# The products in tests are small: more BLAS threads only wait for each other. Set before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

MNIST_IN_DATA_HOME = "openml/openml.org/data/v1/download/52667/mnist_784.arff.gz"


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
