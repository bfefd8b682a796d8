"""`mlp up` and schedules: sweeps complete unattended, and can be seen, started and cancelled on Prefect's page."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator

import psutil
import pytest

from flows.service import free_port

pytestmark = [pytest.mark.system, pytest.mark.slow]

SMALL = {
    "name": "asked",
    "data": {"name": "digits"},
    "networks": [{"hidden": [24]}, {"hidden": [32]}],
    "descent": {"epochs": 3},
    "corruption": {"fractions": [0, 0.5]},
    "seeds": [0, 1, 2],
}


class Service:
    """`mlp up` in a folder."""

    def __init__(self, workplace, *options: str) -> None:
        self.workplace, self.ports = workplace, (free_port(), free_port())
        self.mlflow, self.prefect = (f"http://127.0.0.1:{port}" for port in self.ports)
        ports = ("--mlflow-port", str(self.ports[0]), "--prefect-port", str(self.ports[1]))
        self.process = workplace.start("up", *ports, *options)
        workplace.wait_until(lambda: "Ctrl-C ends" in workplace.output() or self.process.poll() is not None, 240)
        assert self.process.poll() is None, workplace.output()

    def api(self, path: str, body: dict | None = None) -> object:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.prefect}/api{path}", data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def ask_for(self, experiment: dict) -> str:
        """Start a flow run as Prefect's page does; returns its id."""
        (form,) = [found for found in self.api("/deployments/filter", {}) if found["name"] == "form"]
        return self.api(f"/deployments/{form['id']}/create_flow_run", {"parameters": {"experiment": experiment}})["id"]

    def state(self, run_id: str) -> str:
        return self.api(f"/flow_runs/{run_id}")["state_name"]

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(120) == 0


@pytest.fixture(scope="module")
def service(shared_workplace) -> Iterator[Service]:
    running = Service(shared_workplace)
    yield running
    running.end()
    assert shared_workplace.processes() == [], "nothing that it started is left"


def test_a_second_service_on_the_store_and_a_taken_port_are_told_in_a_line(service, workplace):
    again = service.workplace.mlp("up")
    assert again.returncode == 2
    assert "is served already" in again.stderr
    taken = workplace.mlp("up", "--mlflow-port", str(service.ports[0]))
    assert taken.returncode == 2
    assert f"--mlflow-port: {service.ports[0]} given" in taken.stderr


def test_a_sweep_scheduled_every_minute_completes_three_times_unattended_and_both_servers_show_each(service):
    workplace = service.workplace
    scheduled = workplace.mlp("schedule", "demo", "--data", "digits", "--epochs", "2", "--every", "1m", "--force")
    assert scheduled.returncode == 0, scheduled.stderr
    assert "every 0:01:00" in workplace.mlp("schedules").stdout
    workplace.wait_until(lambda: workplace.runs("sweep", "demo")["FINISHED"] >= 3, 400)
    assert workplace.mlp("unschedule", "demo").returncode == 0
    assert "Nothing is scheduled" in workplace.mlp("schedules").stdout
    workplace.wait_until(lambda: not workplace.runs("sweep", "demo")["RUNNING"], 120)
    sweeps = workplace.runs("sweep", "demo")
    assert set(sweeps) == {"FINISHED"}
    assert workplace.runs("cell", "demo") == {"FINISHED": 9 * sweeps["FINISHED"]}
    flow_runs = service.api("/flow_runs/filter", {"flow_runs": {"state": {"name": {"any_": ["Completed"]}}}})
    assert len(flow_runs) >= 3
    status = workplace.mlp("status").stdout
    assert status.count("answers") == 2
    assert "9 FINISHED" in status


def test_mlp_run_uses_the_servers_of_the_service(service):
    begun = time.monotonic()
    result = service.workplace.mlp("run", "demo", "--data", "digits", "--epochs", "2", "--set", "name=by-hand")
    assert result.returncode == 0, result.stderr
    assert service.mlflow in result.stdout
    assert not (service.workplace.folder / "mlruns" / "prefect.log").exists(), "no server of its own"
    assert time.monotonic() - begun < 120


def test_a_sweep_that_is_cancelled_on_prefects_page_closes_its_runs(service):
    workplace = service.workplace
    run_id = service.ask_for(SMALL | {"name": "cancelled", "descent": {"epochs": 2000}})
    workplace.wait_until(lambda: workplace.runs("cell", "cancelled")["RUNNING"])
    service.api(f"/flow_runs/{run_id}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    workplace.wait_until(lambda: service.state(run_id) == "Cancelled")
    workplace.wait_until(lambda: not workplace.runs("cell", "cancelled")["RUNNING"])
    assert workplace.runs("sweep", "cancelled") == {"KILLED": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../escaped"},
        {"colour": "red"},
        {"descent": {"epochs": 0}},
        {"descent": {"learning_rate": "fast"}},
        {"seeds": [-1]},
        {"data": {"name": "file:///etc/passwd"}},
    ],
)
def test_prefect_refuses_a_malformed_request(service, change):
    with pytest.raises(urllib.error.HTTPError, match="409"):
        service.ask_for(SMALL | change)


def test_the_experiment_is_a_form_on_prefects_page_and_can_be_started_there(service, tmp_path):
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("no browser: install chromium and chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", *quiet):
        options.add_argument(argument)
    options.add_argument("--window-size=1300,3000")
    options.add_argument(f"--user-data-dir={tmp_path / 'chromium'}")
    browser = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        (form,) = [found for found in service.api("/deployments/filter", {}) if found["name"] == "form"]
        browser.get(f"{service.prefect}/deployments/deployment/{form['id']}/run")
        page = lambda: browser.find_element(By.TAG_NAME, "body").text  # noqa: E731
        described = ("multiple of the average cost's negative gradient", "share of the last step that is taken again")
        WebDriverWait(browser, 60).until(lambda _: all(words in page() for words in described))

        def fill_in(before: str, after: str) -> None:
            fields = browser.find_elements(By.TAG_NAME, "textarea")
            field = next(field for field in fields if field.get_attribute("value") == before)
            field.clear()
            field.send_keys(after)

        fill_in("demo", "from-the-form")
        fill_in("auto", "digits")
        screenshots = os.environ.get("SCREENSHOTS")
        if screenshots:
            browser.save_screenshot(f"{screenshots}/prefect_form.png")
        button = [found for found in browser.find_elements(By.TAG_NAME, "button") if found.text.strip() == "Submit"][-1]
        browser.execute_script("arguments[0].click()", button)
        service.workplace.wait_until(lambda: service.workplace.runs("sweep", "from-the-form")["FINISHED"], 180)
    finally:
        browser.quit()
    assert service.workplace.runs("cell", "from-the-form") == {"FINISHED": 9}


def test_a_server_that_dies_is_started_again(service):
    (server,) = [
        process
        for process in service.workplace.processes()
        if process.cmdline()[1:4] == ["-m", "mlflow", "server"] and str(service.ports[0]) in process.cmdline()
    ]
    server.kill()
    service.workplace.wait_until(lambda: "mlflow ended" in service.workplace.output())
    service.workplace.wait_until(lambda: answers(f"{service.mlflow}/health") == 200)
    time.sleep(20)  # past the short lives after which the service would give up
    assert service.process.poll() is None
    assert service.workplace.output().count("mlflow ended") == 1


def answers(address: str, login: str = "") -> int:
    """Status code of a server's answer; 0 if there is none."""
    request = urllib.request.Request(address)
    if login:
        request.add_header("Authorization", f"Basic {b64encode(login.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_a_service_that_is_killed_takes_all_that_it_started_with_it_and_can_start_again(workplace):
    killed = Service(workplace)
    killed.process.kill()
    killed.process.wait()
    _, alive = psutil.wait_procs(workplace.processes(), timeout=40)
    assert alive == []
    assert "not running" in workplace.mlp("status").stdout
    Service(workplace).end()


def test_with_a_login_both_servers_ask_for_it_and_the_commands_of_the_folder_know_it(workplace):
    login = "admin:correct horse battery"
    path = workplace.folder / "login.txt"
    path.write_text(login)
    path.chmod(0o644)
    assert "mode 600" in workplace.mlp("up", "--auth", "login.txt").stderr
    path.chmod(0o600)
    service = Service(workplace, "--auth", "login.txt")
    try:
        experiments = f"{service.mlflow}/api/2.0/mlflow/experiments/search?max_results=1"
        flows = f"{service.prefect}/api/admin/settings"
        for address in (experiments, flows):
            assert answers(address) == 401
            assert answers(address, "admin:wrong horse battery") == 401
            assert answers(address, login) == 200
        ran = workplace.mlp("run", "demo", "--data", "digits", "--epochs", "2")
        assert ran.returncode == 0, ran.stdout + ran.stderr
    finally:
        service.end()
    assert (workplace.folder / "mlruns" / "mlflow-login.ini").read_text().count("battery") == 0


def test_the_deployments_of_prefect_yaml_are_what_the_flow_takes(service):
    yaml = pytest.importorskip("yaml")
    from pathlib import Path

    from flows.experiment import Experiment

    deployments = yaml.safe_load(Path(__file__).parents[2].joinpath("prefect.yaml").read_text())["deployments"]
    for deployment in deployments:
        assert Experiment.model_validate(deployment["parameters"]["experiment"]).cells()
    environment = service.workplace.environment() | {"PREFECT_API_URL": f"{service.prefect}/api", "MLP_FOLDER": "/tmp"}
    environment["PREFECT_HOME"] = str(service.workplace.folder / "mlruns" / "prefect")
    prefect = service.workplace.command.removesuffix("mlp") + "prefect"
    done = subprocess.run(
        [prefect, "--no-prompt", "deploy", "--name", "nightly"],
        cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nightly" in service.workplace.mlp("schedules").stdout
