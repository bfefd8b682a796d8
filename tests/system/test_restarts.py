"""PostgreSQL is restarted in the middle of sweeps: nothing hangs, nothing is lost, doubled or trained in vain.

``make test-restarts RESTARTS=20 SEED=0`` restarts more often than the tests do.
"""

import os
import random
import subprocess
import time
from collections import Counter

import pytest

pytestmark = [pytest.mark.system, pytest.mark.slow]

RESTARTS, SEED = int(os.environ.get("RESTARTS", "2")), int(os.environ.get("SEED", "0"))
EPOCHS, CELLS = 100, 12
SWEEP = f"""
data: {{name: digits}}
networks: [{{hidden: [24]}}, {{hidden: [32]}}]
descent: {{epochs: {EPOCHS}, learning_rate: 1.0}}
corruption: {{fractions: [0, 0.5]}}
"""
CELL_RUNS = """
    select keys.value, runs.status, (
        select count(*) from metrics where metrics.run_uuid = runs.run_uuid and metrics.key = 'test/accuracy'
    ) from runs join experiments using (experiment_id) join tags as keys using (run_uuid)
    where keys.key = 'cell' and experiments.name = %s
"""


def cell_runs(postgres: str, experiment: str) -> list[tuple[str, str, int]]:
    """Key, status and number of points of each run of a cell."""
    import psycopg

    with psycopg.connect(f"{postgres}/mlp") as connection:
        return connection.execute(CELL_RUNS, (experiment,)).fetchall()


def test_a_sweep_survives_restarts_of_postgresql_and_trains_every_cell_once(workplace, postgres_server):
    (workplace.folder / "sweep.yaml").write_text(SWEEP)
    rng, counts, duration = random.Random(SEED), Counter[str](), 0.0
    for number in range(RESTARTS + 1):
        name, seeds = f"sweep-{number}", f"{3 * number}-{3 * number + 2}"
        arguments = ("run", "sweep.yaml", "--set", f"name={name}", "--seeds", seeds, "--workers", "2")
        begun = time.monotonic()
        process = workplace.start(*arguments, "--tracking-uri", f"{postgres_server.address}/mlp")
        if number:  # the first one tells how long it takes
            workplace.wait_until(lambda name=name: cell_runs(postgres_server.address, name), 120)
            time.sleep(rng.uniform(0, max(duration - (time.monotonic() - begun), 0.5)))
            how, down = rng.choice(["fast", "immediate"]), rng.choice([0, 1, 5])
            counts["restarted in mid-sweep"] += process.poll() is None
            postgres_server.restart(how, down)
        try:
            code = process.wait(240)
        except subprocess.TimeoutExpired:
            counts["hung"] += 1
            process.kill()
            code = process.wait()
        duration = duration or time.monotonic() - begun
        found, said = cell_runs(postgres_server.address, name), workplace.output()
        finished = Counter(key for key, status, _ in found if status == "FINISHED")
        faults = Counter(
            {
                "failed": code != 0,
                "lost": CELLS - len(finished),
                "doubled": finished.total() - len(finished),
                "trained in vain": len(found) - finished.total(),
                "partial": sum(status == "FINISHED" and points != EPOCHS + 1 for _, status, points in found),
                "tracebacks": said.count("Traceback"),
            }
        )
        counts += faults
        if faults.total():
            print(f"\n{name}, exit code {code}: {+faults}\n{said}", flush=True)
    print(f"\n{dict(counts)}")
    assert set(counts) <= {"restarted in mid-sweep"}
