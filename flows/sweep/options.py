"""The options of a sweep, beside its experiment."""

from dataclasses import dataclass

from flows.plan.stacks import half_of_what_is_free
from flows.platform.paths import tracking_uri
from flows.platform.system import cores


@dataclass(frozen=True)
class SweepOptions:
    """The options of a sweep.

    Attributes
    ----------
    force : bool
        Train cells again that are done.
    workers : int, optional
        Stacks that train at the same time; one per core by default.
    memory : float, optional
        Gigabytes that they may use together; half of the free memory by default.
    tracking_server : str, optional
        MLflow's tracking URI; MLFLOW_TRACKING_URI or the folder `mlruns` by default.
    runner : {"processes", "dask", "ray"}
        Where stacks train.
    address : str, optional
        Address of the Dask or Ray cluster.
    """

    force: bool = False
    workers: int | None = None
    memory: float | None = None
    tracking_server: str | None = None
    runner: str = "processes"
    address: str | None = None

    @property
    def uri(self) -> str:
        """MLflow's tracking URI."""
        return tracking_uri(self.tracking_server)

    @property
    def worker_count(self) -> int:
        """Number of stacks that train at the same time."""
        return self.workers or cores()

    @property
    def bytes(self) -> float:
        """Memory of all stacks that train at the same time."""
        return self.memory * 1e9 if self.memory else half_of_what_is_free()
