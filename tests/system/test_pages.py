"""What a person sees in a browser: the report, and MLflow's pages as a sweep lays them out.

Headless Chromium, by Debian's packages chromium and chromium-driver. The screenshots stay in `screenshots/`.
"""

import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")),
        reason="no browser: install chromium and chromium-driver",
    ),
]

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
GROUPS = ("0", "0.5", "1")


@pytest.fixture(scope="module")
def swept(shared_workplace):
    """A folder with a finished sweep, and what the command said of it."""
    done = shared_workplace.mlp("run", "demo", "--data", "digits", "--seeds", "0-4", "--epochs", "3")
    assert done.returncode == 0, done.stderr
    return shared_workplace, done.stdout


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def show_at(browser: webdriver.Chrome, width: int, height: int = 900, scheme: str = "light") -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def keep(browser: webdriver.Chrome, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    assert browser.save_screenshot(str(SCREENSHOTS / f"{name}.png"))


def visit(browser: webdriver.Chrome, address: str) -> None:
    """Open a page anew; another hash alone would be the same page to the browser."""
    browser.get("about:blank")
    browser.get(address)


def eventually(browser: webdriver.Chrome, what: Callable[[webdriver.Chrome], object], seconds: float = 60):
    """Wait until something is true of a page that builds, and builds again, what it shows."""
    try:
        return WebDriverWait(browser, seconds, ignored_exceptions=[StaleElementReferenceException]).until(what)
    except TimeoutException:
        keep(browser, "not-in-time")
        raise


def body(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def shows(browser: webdriver.Chrome, *texts: str) -> str:
    """Wait until the page shows all of the texts at once, and give what it shows."""

    def seen(browser: webdriver.Chrome) -> str | None:
        text = body(browser)
        return text if all(wanted in text for wanted in texts) else None

    return eventually(browser, seen)


class TestReport:
    @pytest.fixture
    def report(self, swept) -> str:
        path = re.search(r"Report: +(\S+)", swept[1])
        return Path(path[1]).as_uri()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [1280, 390])
    def test_it_is_whole_at_every_width_in_light_and_dark(self, browser, report, width, scheme):
        show_at(browser, width, scheme=scheme)
        browser.get_log("browser")
        visit(browser, report)
        eventually(browser, lambda b: len(b.find_elements(By.CSS_SELECTOR, ".chart .main-svg")) >= 7)
        height, seen_width = browser.execute_script(
            "return [document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
        )
        assert seen_width == width  # nothing has to be scrolled sideways
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
        assert browser.execute_script("return performance.getEntriesByType('resource').map(r => r.name)") == []
        paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 200) == (scheme == "dark")
        ink = browser.execute_script("return document.querySelector('.chart .xtick text').style.fill")
        assert (sum(map(int, re.findall(r"\d+", ink)[:3])) > 500) == (scheme == "dark")
        show_at(browser, width, height, scheme)
        time.sleep(0.5)
        keep(browser, f"report-{width}-{scheme}")

    def test_it_tells_the_answer_and_the_numbers_of_every_group(self, browser, report, swept):
        show_at(browser, 1280)
        visit(browser, report)
        text = shows(browser, "15 networks", "of the test images correctly at fraction=0")
        printed = re.findall(r"\d+\.\d\d ± \d+\.\d\d", swept[1])
        assert len(printed) >= 3 * 3
        assert all(figure in text for figure in printed)
        for heading in ("While they learned", "What they learned", "The numbers", "What the first layer looks for"):
            assert heading in text
        pictures = browser.find_elements(By.CSS_SELECTOR, ".tiles img")
        assert len(pictures) == 3 * 2 * 16
        assert all(browser.execute_script("return [...document.images].map(i => i.naturalWidth === 28)"))

    def test_a_group_can_be_hidden_in_all_charts_and_shown_again(self, browser, report):
        show_at(browser, 1280)
        visit(browser, report)
        visible = """return [...document.querySelectorAll('.chart')].map(
            c => c.data.filter(t => t.legendgroup === '0.5' && t.visible !== false).length)"""
        before = eventually(browser, lambda b: (found := b.execute_script(visible)) and sum(found) and found)
        button = browser.find_element(By.CSS_SELECTOR, "button[data-group='0.5']")
        button.click()
        eventually(browser, lambda b: sum(b.execute_script(visible)) == 0)
        assert button.get_attribute("aria-pressed") == "false"
        button.click()
        eventually(browser, lambda b: b.execute_script(visible) == before)

    def test_pointing_at_a_curve_tells_its_numbers_and_interval(self, browser, report):
        show_at(browser, 1280)
        visit(browser, report)
        chart = eventually(browser, lambda b: b.find_element(By.CSS_SELECTOR, ".chart .nsewdrag"))
        ActionChains(browser).scroll_to_element(chart).move_to_element_with_offset(chart, 60, 0).perform()
        told = eventually(browser, lambda b: b.find_element(By.CSS_SELECTOR, ".chart .hoverlayer").text, 10)
        assert len(re.findall(r"\d+\.\d\d% \(\d+\.\d\d% to \d+\.\d\d%\)", told.replace("−", ""))) == 3


@pytest.fixture(scope="module")
def page(swept) -> Iterator[str]:
    """The address that `mlp ui` prints when its server answers."""
    place, _ = swept
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [place.command, "ui", "--port", str(port)], cwd=place.folder, env=place.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as server:  # fmt: skip
        try:
            yield next(found[0] for line in server.stdout if (found := re.search(r"http://\S+#\S+", line)))
            server.send_signal(signal.SIGINT)
            assert server.wait(30) == 0
        finally:
            server.kill()
    assert place.processes() == [], "nothing that it started is left"


class TestMlflow:
    def test_the_chart_page_shows_means_by_group_in_the_order_of_the_story(self, browser, page):
        show_at(browser, 1600, 1300)
        visit(browser, page)
        story = ("What is learned", "What is memorized", "The cost goes downhill")
        groups = [f"Group: {group}" for group in GROUPS]
        # mean, lower and upper of three groups
        text = shows(browser, "Compared across seeds", "9 matching runs", *groups, *story)
        sections = [text.index(name) for name in story]
        assert sections == sorted(sections)
        bands = """return [...document.querySelectorAll('.js-plotly-plot')].flatMap(
            p => p.data.filter(t => t.fill === 'tozeroy')).length"""
        eventually(browser, lambda b: b.execute_script(bands) >= 3)
        keep(browser, "mlflow-charts")

    def test_the_run_list_holds_the_sweep_and_tells_how_to_read_it(self, browser, page):
        show_at(browser, 1600, 1300)
        visit(browser, re.sub(r"runs\?.*", "runs?workflowType=machine_learning", page))
        text = shows(browser, "Charts, compared across seeds", "sweep 2")
        assert re.search(r"sweep \d{4}-", text)
        keep(browser, "mlflow-runs")

    def test_the_sweeps_page_tells_the_answer(self, browser, page, swept):
        show_at(browser, 1600, 1300)
        address = f"runs/{self.sweep_id(swept)}?workflowType=machine_learning"
        visit(browser, re.sub(r"runs\?.*", address, page))
        shows(browser, "of the test images correctly at fraction=0", "fraction=1 mean")
        keep(browser, "mlflow-sweep")

    def test_mlflow_shows_the_report_inline_with_its_charts(self, browser, page, swept):
        show_at(browser, 1600, 1300)
        address = f"runs/{self.sweep_id(swept)}/artifacts/report.html?workflowType=machine_learning"
        visit(browser, re.sub(r"runs\?.*", address, page))
        frame = eventually(browser, lambda b: b.find_element(By.CSS_SELECTOR, "iframe"))
        browser.switch_to.frame(frame)
        eventually(browser, lambda b: len(b.find_elements(By.CSS_SELECTOR, ".chart .main-svg")) >= 7)
        shows(browser, "15 networks")
        browser.switch_to.default_content()
        keep(browser, "mlflow-report")

    def sweep_id(self, swept) -> str:
        return re.search(r"Report: +\S+/(\w{32})/artifacts/", swept[1])[1]


def test_prefect_keeps_the_answer_and_the_table_with_the_flow_run(swept):
    database = swept[0].folder / "mlruns" / "prefect" / "prefect.db"
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT type, data FROM artifact WHERE key = 'comparison-demo'").fetchall()
    assert [kind for kind, _ in found] == ["markdown"]
    assert "of the test images correctly at fraction=0" in found[0][1]
    assert "| fraction | seeds |" in found[0][1].encode().decode("unicode_escape")
