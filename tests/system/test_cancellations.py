"""Sweeps of `mlp up` are cancelled on Prefect's page in their first seconds: each ends soon, and leaves nothing open.

``make test-cancellations CANCELLATIONS=50 SEED=0`` cancels more often than the tests do.
"""

import os
import random
import time
from collections import Counter

import pytest

from tests.system.test_service import SMALL, Service

pytestmark = [pytest.mark.system, pytest.mark.slow]

CANCELLATIONS, SEED = int(os.environ.get("CANCELLATIONS", "3")), int(os.environ.get("SEED", "0"))
LATEST_SECONDS = 3.0  # from the start of a run to its cancellation
LIMIT_SECONDS = 60.0  # from the cancellation to the end of the run


def test_sweeps_that_are_cancelled_in_their_first_seconds_end_soon_and_leave_nothing_open(workplace):
    service, rng, counts = Service(workplace), random.Random(SEED), Counter[str]()
    try:
        for number in range(CANCELLATIONS):
            name = f"cancelled-{number}"
            run_id = service.start_from_form(SMALL | {"name": name, "descent": {"epochs": 2000}})
            after = rng.uniform(0, LATEST_SECONDS)
            time.sleep(after)
            wish = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
            try:
                service.api(f"/flow_runs/{run_id}/set_state", wish)
            except TimeoutError:
                counts["unanswered for 30 s"] += 1
                service.api(f"/flow_runs/{run_id}/set_state", wish)
            begun = time.monotonic()
            while (state := service.state(run_id)) not in ("Cancelled", "Crashed", "Failed", "Completed"):
                if time.monotonic() - begun > LIMIT_SECONDS:
                    break
                time.sleep(0.5)
            ended = time.monotonic() - begun
            left = sum(workplace.runs(kind, name)["RUNNING"] for kind in ("sweep", "cell"))
            counts += Counter({"cancelled": 1, f"ended as {state}": 1, "runs left open": left})
            print(f"{name}: cancelled after {after:.1f} s, {state} after {ended:.1f} s, {left} runs open", flush=True)
    finally:
        service.end()
    counts += Counter({"processes left": len(workplace.processes())})
    print(f"\n{dict(counts)}")
    assert set(counts) <= {"cancelled", "ended as Cancelled", "ended as Crashed"}
