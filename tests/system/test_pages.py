"""What a user sees in a browser: the report, and MLflow's pages as a sweep arranges them.

The browser is headless Chromium (Debian's packages chromium and chromium-driver). Screenshots go to `screenshots/`.
"""

import json
import re
import signal
import socket
import sqlite3
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.system.browser import chromium, show_at

pytestmark = pytest.mark.system

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
GROUPS = ("0", "0.5", "1")


@pytest.fixture(scope="module")
def finished_sweep(shared_workplace):
    """A folder with a finished sweep, and what the command printed."""
    done = shared_workplace.mlp("run", "demo", "--data", "digits", "--seeds", "0-4", "--epochs", "3")
    assert done.returncode == 0, done.stderr
    return shared_workplace, done.stdout


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def save_screenshot(browser: webdriver.Chrome, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    assert browser.save_screenshot(str(SCREENSHOTS / f"{name}.png"))


def visit(browser: webdriver.Chrome, address: str) -> None:
    """Load a page from scratch; browsers don't reload when only the part after # changes."""
    browser.get("about:blank")
    browser.get(address)


def eventually(browser: webdriver.Chrome, condition: Callable[[webdriver.Chrome], object], seconds: float = 60):
    """Wait until a condition holds on a page that keeps redrawing itself; returns what the condition returned."""
    try:
        return WebDriverWait(browser, seconds, ignored_exceptions=[StaleElementReferenceException]).until(condition)
    except TimeoutException:
        save_screenshot(browser, "timed-out")
        raise


def body(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def wait_for_texts(browser: webdriver.Chrome, *texts: str) -> str:
    """Wait until the page shows all of the texts at once; returns everything it shows."""

    def page_text(browser: webdriver.Chrome) -> str | None:
        text = body(browser)
        return text if all(wanted in text for wanted in texts) else None

    return eventually(browser, page_text)


class TestReport:
    @pytest.fixture
    def report(self, finished_sweep) -> str:
        path = re.search(r"Report:\n(\S+)", finished_sweep[1])
        return Path(path[1]).as_uri()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [1280, 390])
    def test_it_displays_without_errors_at_every_width_in_light_and_dark(self, browser, report, width, scheme):
        show_at(browser, width, scheme=scheme)
        browser.get_log("browser")
        visit(browser, report)
        eventually(browser, lambda b: len(b.find_elements(By.CSS_SELECTOR, ".chart .main-svg")) >= 7)
        height, seen_width = browser.execute_script(
            "return [document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
        )
        assert seen_width == width  # no scrolling sideways
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
        assert browser.execute_script("return performance.getEntriesByType('resource').map(r => r.name)") == []
        paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 200) == (scheme == "dark")
        ink = browser.execute_script("return document.querySelector('.chart .xtick text').style.fill")
        assert (sum(map(int, re.findall(r"\d+", ink)[:3])) > 500) == (scheme == "dark")
        show_at(browser, width, height, scheme)
        time.sleep(0.5)
        save_screenshot(browser, f"report-{width}-{scheme}")

    def test_it_shows_the_answer_and_the_numbers_of_every_group(self, browser, report, finished_sweep):
        show_at(browser, 1280)
        visit(browser, report)
        text = wait_for_texts(browser, "15 networks", "of the test images correctly (none shuffled)")
        printed = re.findall(r"\d+\.\d\d ± \d+\.\d\d", finished_sweep[1])
        assert len(printed) >= 3 * 3
        assert all(figure in text for figure in printed)
        for heading in ("While they learned", "The numbers", "What they answer", "What the first layer looks for"):
            assert heading in text
        pictures = browser.find_elements(By.CSS_SELECTOR, ".weights img")
        assert len(pictures) == 3 * 2 * 16
        assert all(browser.execute_script("return [...document.images].map(i => i.naturalWidth === 28)"))

    @pytest.mark.parametrize("width", [1280, 390])
    def test_a_heading_that_is_jumped_to_is_not_under_the_bar_of_the_groups(self, browser, report, width):
        show_at(browser, width)
        visit(browser, report)
        eventually(browser, lambda b: len(b.find_elements(By.CSS_SELECTOR, ".chart .main-svg")) >= 7)
        entries = browser.find_elements(By.CSS_SELECTOR, ".contents a")
        assert len(entries) >= 6
        for entry in entries:
            browser.execute_script("arguments[0].click()", entry)
            bar, heading = browser.execute_script(
                """return [document.querySelector('.groups').getBoundingClientRect().bottom,
                    document.getElementById(arguments[0]).getBoundingClientRect().top]""",
                entry.get_attribute("hash")[1:],
            )
            assert heading >= bar

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

    def test_pointing_at_a_curve_shows_its_value_and_interval(self, browser, report):
        show_at(browser, 1280)
        visit(browser, report)
        # Its colours are set last: drawing them would end a label.
        inked = "return [...document.querySelectorAll('.chart')].every(c => c.layout?.font?.color)"
        eventually(browser, lambda b: b.execute_script(inked))
        chart = browser.find_element(By.CSS_SELECTOR, ".chart .nsewdrag")
        ActionChains(browser).scroll_to_element(chart).move_to_element_with_offset(chart, 40, 0).perform()
        label = eventually(browser, lambda b: b.find_element(By.CSS_SELECTOR, ".chart .hoverlayer").text, 10)
        assert len(re.findall(r"\d+\.\d\d% \(\d+\.\d\d% to \d+\.\d\d%\)", label.replace("−", ""))) == 3

    @pytest.mark.slow
    @pytest.mark.parametrize("width", [1280, 390])
    def test_pictures_are_large_and_a_click_shows_one_larger_and_then_its_neighbours(self, browser, report, width):
        show_at(browser, width)
        visit(browser, report)
        pictures = browser.find_elements(By.CSS_SELECTOR, ".weights .picture")
        assert min(picture.size["width"] for picture in pictures) >= 56
        ActionChains(browser).scroll_to_element(pictures[2]).perform()
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", pictures[2])
        pictures[2].click()
        viewer = browser.find_element(By.ID, "viewer")
        assert {image.size["width"] > 200 for image in viewer.find_elements(By.TAG_NAME, "img")} == {True}
        assert "neuron 3, trained" in viewer.text
        assert "neuron 3, change" in viewer.text
        viewer.find_element(By.CSS_SELECTOR, "[data-step='1']").click()
        assert "neuron 4, trained" in viewer.text
        save_screenshot(browser, f"report-neuron-{width}")
        viewer.find_element(By.CSS_SELECTOR, "form button:last-child").click()
        assert not viewer.is_displayed()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_printed_at_once_it_has_every_chart_whole_and_every_line_of_the_recipe(self, browser, report, scheme):
        show_at(browser, 1280, scheme=scheme)
        visit(browser, report)  # which waits for the page to be loaded, and no longer
        drawn = """return [...document.querySelectorAll('.chart')].map(chart => {
            const whole = chart.getBoundingClientRect(), card = chart.closest('.card').getBoundingClientRect();
            return [chart.querySelectorAll('.main-svg .xtick').length, chart.querySelectorAll('.main-svg path').length,
                    whole.width > 200 && whole.right <= card.right];})"""
        pdf = PdfReader(BytesIO(b64decode(browser.print_page())))
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        try:
            charts = browser.execute_script(drawn)
            recipe = browser.find_element(By.ID, "recipe")
            assert browser.execute_script("return arguments[0].scrollHeight <= arguments[0].clientHeight", recipe)
        finally:
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        assert len(charts) >= 7
        assert all(ticks and paths and whole for ticks, paths, whole in charts)
        text = "\n".join(page.extract_text() for page in pdf.pages)
        titles = [title.text for title in browser.find_elements(By.CSS_SELECTOR, "figure.card h3")]
        assert all(title in text for title in titles)
        axes = browser.execute_script("return [...document.querySelectorAll('.chart .xtitle')].map(t => t.textContent)")
        assert len(axes) == len(titles)
        for axis in set(axes):  # each chart has its axis on paper
            assert len(re.findall(rf"^{axis}$", text, re.M)) >= axes.count(axis)
        assert recipe.get_attribute("textContent").strip().splitlines()[-1] in text

    @pytest.mark.slow
    def test_all_numbers_of_a_group_are_seen_at_once_on_a_phone(self, browser, report):
        show_at(browser, 390)
        visit(browser, report)
        edges = browser.execute_script(
            "return [...document.querySelectorAll('.stacked td span, .tight td')]"
            ".map(entry => entry.getBoundingClientRect().right)"
        )
        assert len(edges) > 3 * 6
        assert max(edges) <= 390

    @pytest.mark.slow
    def test_a_browser_that_can_not_unpack_the_charts_says_so_and_shows_the_rest(self, browser, report):
        show_at(browser, 1280)
        old = browser.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument", {"source": "delete window.DecompressionStream"}
        )
        try:
            browser.get_log("browser")
            visit(browser, report)
            text = wait_for_texts(browser, "This browser can't unpack the charts", "The numbers", "What they answer")
            assert "15 networks" in text
            assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
        finally:
            browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", old)


@pytest.fixture(scope="module")
def page(finished_sweep) -> Iterator[str]:
    """The address that `mlp ui` prints once its server answers."""
    place, _ = finished_sweep
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
    assert place.processes() == [], "processes that it started are still running"


class TestMlflow:
    def test_the_chart_page_shows_the_mean_of_every_group_in_ordered_sections(self, browser, page):
        show_at(browser, 1600, 1300)
        visit(browser, page)
        sections = ("At a glance", "What is learned", "What is memorized", "The cost falls")
        groups = [f"Group: {group}" for group in ("none sh", "half sh", "all sh")]
        # mean, lower and upper of three groups
        text = wait_for_texts(browser, "Compared across seeds", "9 matching runs", *groups, *sections)
        positions = [text.index(name) for name in sections]
        assert positions == sorted(positions)
        bands = """return [...document.querySelectorAll('.js-plotly-plot')].flatMap(
            p => p.data.filter(t => t.fill === 'tozeroy')).length"""
        eventually(browser, lambda b: b.execute_script(bands) >= 3)
        save_screenshot(browser, "mlflow-charts")

    def test_its_lines_and_bars_end_at_the_means_of_the_table_each_group_in_a_colour_of_its_own(
        self, browser, page, finished_sweep
    ):
        groups = json.loads(finished_sweep[0].mlp("compare", "demo", "--json").stdout)
        show_at(browser, 1600, 1300)
        visit(browser, page)
        # A group's line is a trace whose markers have its opaque colour; the bars of all groups are one trace.
        lines = """return [...document.querySelectorAll('.js-plotly-plot')].map(chart => chart.data
            .filter(t => /^#.{6}$/.test(t.marker?.color) && t.type === 'scatter')
            .map(t => [t.marker.color, t.y.at(-1)])).filter(lines => lines.length)"""
        bars = """return [...document.querySelectorAll('.js-plotly-plot')].flatMap(chart => chart.data
            .filter(t => t.type === 'bar' && t.name === 'noise/uniform/confidence').flatMap(t => t.x))"""
        drawn = eventually(browser, lambda b: len(found := b.execute_script(lines)) >= 3 and found)
        means = {name: sorted(group[name]["mean"] for group in groups) for name in ("test/accuracy", "train/cost")}
        for name in means:
            assert any(sorted(end for _, end in chart) == pytest.approx(means[name]) for chart in drawn), name
        assert all(len({colour for colour, _ in chart}) == len(chart) for chart in drawn)
        confidences = [group["noise/uniform/confidence"]["mean"] for group in groups]
        assert sorted(browser.execute_script(bars)) == pytest.approx(sorted(confidences))

    def test_the_run_list_shows_the_sweep_and_the_link_to_its_charts(self, browser, page):
        show_at(browser, 1600, 1300)
        visit(browser, re.sub(r"runs\?.*", "runs?workflowType=machine_learning", page))
        text = wait_for_texts(browser, "Networks trained over several seeds", "the charts", "all sweeps", "sweep 2")
        assert re.search(r"sweep \d{4}-", text)
        save_screenshot(browser, "mlflow-runs")

    def test_the_sweeps_page_shows_the_answer(self, browser, page, finished_sweep):
        show_at(browser, 1600, 1300)
        address = f"runs/{self.sweep_id(finished_sweep)}?workflowType=machine_learning"
        visit(browser, re.sub(r"runs\?.*", address, page))
        wait_for_texts(browser, "of the test images correctly (none shuffled)", "all shuffled: mean")
        save_screenshot(browser, "mlflow-sweep")
        show_at(browser, 1280)
        about = browser.find_element(By.XPATH, "//*[text()='About this run']")
        eventually(browser, lambda b: b.execute_script("return document.images[0]?.complete"))
        assert about.rect["x"] + about.rect["width"] < 1280

    def test_mlflow_shows_the_report_inline_with_its_charts(self, browser, page, finished_sweep):
        show_at(browser, 1600, 1300)
        address = f"runs/{self.sweep_id(finished_sweep)}/artifacts/report.html?workflowType=machine_learning"
        visit(browser, re.sub(r"runs\?.*", address, page))
        frame = eventually(browser, lambda b: b.find_element(By.CSS_SELECTOR, "iframe"))
        browser.switch_to.frame(frame)
        eventually(browser, lambda b: len(b.find_elements(By.CSS_SELECTOR, ".chart .main-svg")) >= 7)
        wait_for_texts(browser, "15 networks")
        save_screenshot(browser, "mlflow-report")
        browser.find_element(By.CSS_SELECTOR, ".contents a[href='#made']").click()
        top = "return document.getElementById('made').getBoundingClientRect().top"
        eventually(browser, lambda b: 0 < b.execute_script(top) < 1300)
        # MLflow's frame opens no other page: a click on a run shows its address on this server instead.
        run = browser.find_element(By.CSS_SELECTOR, ".tight a.run")
        name = run.text
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", run)
        run.click()
        shown = eventually(browser, lambda b: b.find_element(By.CSS_SELECTOR, "#address code").text)
        browser.switch_to.default_content()
        assert shown.startswith(page[: page.index("#")])
        visit(browser, shown)
        wait_for_texts(browser, name, "Finished")

    def sweep_id(self, finished_sweep) -> str:
        return re.search(r"Report:\n\S+/(\w{32})/artifacts/", finished_sweep[1])[1]


def test_prefect_keeps_the_answer_and_the_table_with_the_flow_run(finished_sweep):
    database = finished_sweep[0].folder / "mlruns" / "prefect" / "prefect.db"
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT type, data FROM artifact WHERE key = 'comparison-demo'").fetchall()
    assert [kind for kind, _ in found] == ["markdown"]
    assert "of the test images correctly (none shuffled)" in found[0][1]
    assert "| fraction | seeds |" in found[0][1].encode().decode("unicode_escape")
