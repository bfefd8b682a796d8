"""Copy the picture of an experiment's latest sweep: ``python docs/picture.py EXPERIMENT FILE.png``."""

import shutil
import sys

from flows.environment import prepare_environment
from flows.report import PICTURE
from flows.results import find
from flows.tracking import open_store, tracking_uri

prepare_environment()
experiment, file = sys.argv[1:]
client = open_store(tracking_uri(None))
_, sweep = find(client, experiment)
assert sweep, f"no sweep of {experiment}"
shutil.copy(client.download_artifacts(sweep.info.run_id, PICTURE), file)
