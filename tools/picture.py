"""Copy the picture of an experiment's latest sweep: ``python tools/picture.py EXPERIMENT FILE.png``."""

import shutil
import sys

from flows.platform.environment import prepare_environment
from flows.platform.paths import tracking_uri
from flows.report.summary import STORY
from flows.store.artifacts import artifact
from flows.store.connection import open_store
from flows.store.results import find

prepare_environment()
experiment, file = sys.argv[1:]
client = open_store(tracking_uri(None))
_, sweep, _ = find(client, experiment)
assert sweep, f"no sweep of {experiment}"
with artifact(client, sweep.info.run_id, STORY) as path:
    shutil.copy(path, file)
