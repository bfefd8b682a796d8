"""A sweep on Prefect's pages: its progress while it trains, then its result."""

import logging
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from httpx import HTTPError
from prefect import get_run_logger
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.context import FlowRunContext
from prefect.exceptions import CancelledRun, FailedRun


def show_progress(name: str) -> Callable[[str, float], None]:
    """A function that logs a line on the progress of this flow run, and shows the share done as an artifact."""
    logger = get_run_logger()
    bar = create_progress_artifact(0.0, artifact_key("progress", name), f"{name}: epochs trained")
    assert isinstance(bar, UUID)

    def show(line: str, share: float) -> None:
        logger.info(line)
        with suppress(HTTPError):  # the next one succeeds: a server that died is started again
            update_progress_artifact(bar, progress=100 * share)

    return show


def show_result(name: str, answer: str, tables: str, links: dict[str, str]) -> None:
    """Log the answer of a sweep and where to see more, and add both to the flow run, if there is one."""
    if not FlowRunContext.get():
        return
    text = f"{answer}\n\n{tables}"
    create_markdown_artifact(text, key=artifact_key("comparison", name), description=f"{name}, compared across seeds")
    for page, link in links.items():
        create_link_artifact(link, link_text=link, key=artifact_key(page, name), description=f"{page} of {name}")
    get_run_logger().info("\n".join([answer, *(f"{page}: {link}" for page, link in links.items())]))


def is_news(record: logging.LogRecord) -> bool:
    """Tell if a record of a flow run's log says more than the run's state, whose message says why it ended early."""
    return not (record.exc_info and isinstance(record.exc_info[1], CancelledRun | FailedRun))


def artifact_key(kind: str, name: str) -> str:
    """A name that Prefect allows for an artifact."""
    return f"{kind}-{name}".lower().replace("_", "-")
