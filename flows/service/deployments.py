"""Sweeps that Prefect starts: by a schedule, or from the form on its pages."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Schedule
from prefect.types.entrypoint import EntrypointType

from flows.plan.configuration import load_experiment
from flows.plan.experiment import Experiment
from flows.platform.prefect_internals import closed_template
from flows.service.schedules import ENTRYPOINT, FORM, prefect_client
from flows.service.up import POOL
from flows.sweep.flow import sweep


def register_form() -> None:
    """Offer a sweep as a form on Prefect's pages, filled in with the demo, in a pool that runs nothing else."""
    with prefect_client() as client, suppress(ObjectNotFound):  # the pool of an older version takes commands
        client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=closed_template(Path.cwd())))
    deploy(FORM, load_experiment("demo"), None, False, "Any experiment: choose Custom run and fill in the form.")


def deploy(name: str, experiment: Experiment, when: Schedule | None, force: bool, description: str) -> None:
    """Write a deployment, in place of one of the same name. It runs one sweep at a time; later ones queue.

    Parameters
    ----------
    when : Schedule or None
        None: it is run by hand only.
    force : bool
        True: its sweeps train cells again that are done.
    """
    with prefect_client() as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound:
            template = closed_template(Path.cwd())
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
        # Its type allows for an awaitable; here it is none.
        deployment: Any = sweep.to_deployment(
            name,
            schedule=when,
            concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
            parameters={"experiment": experiment.model_dump(mode="json"), "force": force},
            description=description,
            work_pool_name=POOL,
            # By this the service knows its own runs, see `flows.service.flow_runs`; the pool gives it no meaning.
            job_variables={"working_dir": str(Path.cwd())},
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        deployment.entrypoint = ENTRYPOINT  # Prefect derives flows.sweep.flow.sweep, the function's own module
        deployment.apply()
