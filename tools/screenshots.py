"""Write pictures of MLflow's charts and of both pages of an experiment: ``python tools/screenshots.py EXPERIMENT``.

Needs Chromium and chromedriver (Debian's packages chromium and chromium-driver), and selenium, which the tests install.
"""

import shutil
import sys
import time
from pathlib import Path

from selenium import webdriver

from flows.platform.environment import prepare_environment
from flows.platform.paths import tracking_uri
from flows.platform.servers import free_port, start_ui
from flows.report import charts
from flows.store.artifacts import artifact
from flows.store.connection import open_store
from flows.store.results import find

SECONDS = 15  # until a page has drawn its charts
# MLflow opens its assistant on the first visit, over a third of the page.
NO_ASSISTANT = "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"

prepare_environment()
folder, (experiment,) = Path(__file__).parents[1] / "docs", sys.argv[1:]
uri, port = tracking_uri(None), free_port()
client = open_store(uri)
experiment_id, sweep, _ = find(client, experiment)
assert sweep, f"no sweep of {experiment}"
server = f"http://127.0.0.1:{port}/"
options = webdriver.ChromeOptions()
options.binary_location = shutil.which("chromium") or ""
for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--window-size=1500,1000"):
    options.add_argument(argument)
started = start_ui(uri, port)
browser = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
try:
    browser.get(server)
    browser.execute_script(NO_ASSISTANT)
    with (
        artifact(client, sweep.info.run_id, charts.REPORT) as report,
        artifact(client, sweep.info.run_id, charts.EXPLORE) as explore,
    ):
        pages = {
            "charts.png": charts.link(experiment_id, server),
            "report.png": report.absolute().as_uri(),
            "explore.png": explore.absolute().as_uri(),
        }
        for name, address in pages.items():
            browser.get(address)
            time.sleep(SECONDS)
            browser.save_screenshot(str(folder / name))
finally:
    browser.quit()
    started.communicate()  # closes its standard input, which ends the server
