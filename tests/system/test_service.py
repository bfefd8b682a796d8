"""`mlp up` and schedules: sweeps complete unattended, and can be seen, started and cancelled on Prefect's page."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from flows.plan.settings import DescentSettings
from flows.platform.servers import free_port
from tests.system.browser import chromium, show_at
from tests.system.processes import command_line

pytestmark = [pytest.mark.system, pytest.mark.slow]

NOTIFY = Path(__file__).parents[2] / "tools" / "notify.py"
SMALL = {
    "name": "small",
    "data": {"name": "digits"},
    "networks": [{"hidden": [24]}, {"hidden": [32]}],
    "descent": {"epochs": 3},
    "corruption": {"fractions": [0, 0.5]},
    "seeds": [0, 1, 2],
}


class Service:
    """A running `mlp up` in a folder."""

    def __init__(self, workplace, *options: str) -> None:
        self.workplace, self.ports = workplace, (free_port(), free_port())
        self.mlflow, self.prefect = (f"http://127.0.0.1:{port}" for port in self.ports)
        ports = ("--mlflow-port", str(self.ports[0]), "--prefect-port", str(self.ports[1]))
        self.process = workplace.start("up", *ports, *options)
        workplace.wait_until(lambda: "Ctrl-C ends" in workplace.output() or self.process.poll() is not None, 240)
        assert self.process.poll() is None, workplace.output()

    @property
    def login(self) -> str:
        """The login of Prefect's server."""
        published = json.loads((self.workplace.folder / "mlruns" / "up.json").read_text())
        return published["environment"]["PREFECT_API_AUTH_STRING"]

    @property
    def basic(self) -> str:
        """The header with which a program logs in."""
        return f"Basic {b64encode(self.login.encode()).decode()}"

    def form(self) -> str:
        """Id of the deployment that is started by hand."""
        (form,) = [found for found in self.api("/deployments/filter", {}) if found["name"] == "form"]
        return form["id"]

    def api(self, path: str, body: dict | None = None) -> object:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "authorization": self.basic}
        request = urllib.request.Request(f"{self.prefect}/api{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def start_from_form(self, experiment: dict, **parameters: object) -> str:
        """Start a flow run as Prefect's page does; returns its id."""
        filled_in = {"parameters": {"experiment": experiment, **parameters}}
        return self.api(f"/deployments/{self.form()}/create_flow_run", filled_in)["id"]

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
    assert shared_workplace.processes() == [], "processes that it started are still running"


def test_a_second_service_is_refused_on_the_same_store_and_on_a_port_in_use(service, workplace):
    again = service.workplace.mlp("up")
    assert again.returncode == 2
    assert "is served already" in again.stderr
    taken = workplace.mlp("up", "--mlflow-port", str(service.ports[0]))
    assert taken.returncode == 2
    assert f"--mlflow-port: {service.ports[0]} given" in taken.stderr


def test_a_sweep_scheduled_every_minute_completes_unattended_and_appears_on_both_servers(service):
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
    assert not (service.workplace.folder / "mlruns" / "prefect.log").exists(), "it started a server of its own"
    assert time.monotonic() - begun < 120


def test_a_sweep_that_is_cancelled_on_prefects_page_closes_its_runs(service):
    workplace = service.workplace
    run_id = service.start_from_form(SMALL | {"name": "cancelled", "descent": {"epochs": 2000}})
    workplace.wait_until(lambda: workplace.runs("cell", "cancelled")["RUNNING"])
    service.api(f"/flow_runs/{run_id}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    workplace.wait_until(lambda: service.state(run_id) == "Cancelled")
    workplace.wait_until(lambda: not workplace.runs("cell", "cancelled")["RUNNING"])
    assert workplace.runs("sweep", "cancelled") == {"KILLED": 1}


def test_a_sweep_that_is_cancelled_before_it_has_begun_makes_room_at_once(service):
    run_id = service.start_from_form(SMALL | {"name": "at-once", "descent": {"epochs": 2000}})
    service.workplace.wait_until(lambda: service.state(run_id) in ("Pending", "Running"))
    service.api(f"/flow_runs/{run_id}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    service.workplace.wait_until(lambda: service.state(run_id) in ("Cancelled", "Crashed"), 30)


def test_the_runs_of_a_worker_that_dies_end_with_it(service):
    run_id = service.start_from_form(SMALL | {"name": "orphan", "descent": {"epochs": 2000}})
    service.workplace.wait_until(lambda: service.workplace.runs("cell", "orphan")["RUNNING"])
    (worker,) = [one for one in service.workplace.processes() if "worker" in command_line(one)[3:4]]
    worker.kill()
    service.workplace.wait_until(lambda: service.state(run_id) in ("Crashed", "Cancelled"), 45)


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
        service.start_from_form(SMALL | change)


def test_an_experiment_can_be_filled_in_and_started_on_prefects_page(service, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    with chromium(tmp_path / "chromium") as browser:
        show_at(browser, 1300, 3000)
        browser.get(service.prefect)
        browser.execute_script("localStorage.setItem('prefect-password', btoa(arguments[0]))", service.login)
        browser.get(f"{service.prefect}/deployments/deployment/{service.form()}/run")
        page = lambda: browser.find_element(By.TAG_NAME, "body").text  # noqa: E731
        described = [DescentSettings.model_fields[name].description for name in ("learning_rate", "momentum")]
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
        service.workplace.wait_until(lambda: service.workplace.runs("sweep", "from-the-form")["FINISHED"], 300)
    assert service.workplace.runs("cell", "from-the-form") == {"FINISHED": 9}


ATTACK = """
const [run, body, basic] = REQUEST;
const attempts = [
  () => fetch(run, {method: "POST", body, headers: {"content-type": "application/json", "authorization": basic}}),
  () => fetch(run, {method: "POST", body, mode: "no-cors"}),
  () => fetch(run, {method: "POST", body: new Blob([body], {type: "text/plain"}), mode: "no-cors"}),
  () => new Promise((done) => navigator.sendBeacon(run, body) && setTimeout(done, 500)),
  () => new Promise((done) => {
    const form = document.createElement("form");
    Object.assign(form, {method: "post", action: run, enctype: "text/plain", target: "frame"});
    form.innerHTML = "<input name='" + body.slice(0, -1) + ", \\"a' value='\\": 1}'>";
    document.body.append(form);
    form.submit();
    setTimeout(done, 500);
  }),
];
(async () => {
  for (const attempt of attempts) { try { await attempt(); } catch { } }
  document.title = "tried";
})();
"""


def test_a_page_of_another_origin_can_start_nothing_even_if_it_knew_the_login(service, tmp_path):
    from selenium.webdriver.support.ui import WebDriverWait

    run = f"{service.prefect}/api/deployments/{service.form()}/create_flow_run"
    body = json.dumps({"parameters": {"experiment": SMALL | {"name": "foreign"}}, "tags": ["foreign"]})
    script = ATTACK.replace("REQUEST", json.dumps([run, body, service.basic]))
    page = f"<!doctype html><body><iframe name=frame></iframe><script>{script}</script>".encode()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as other, chromium(tmp_path / "chromium") as browser:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        browser.get(f"http://127.0.0.1:{other.server_port}/")
        WebDriverWait(browser, 60).until(lambda _: browser.title == "tried")
        other.shutdown()
    assert service.api("/flow_runs/count", {"flow_runs": {"tags": {"all_": ["foreign"]}}}) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:4200"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_a_request_that_came_from_another_site_is_refused_whatever_login_it_has(service, headers):
    for method in ("GET", "POST", "OPTIONS"):
        address = f"{service.prefect}/api/admin/version"
        assert status_code(address, service.login, method, headers) == 403


def test_a_run_takes_no_command_no_variables_and_no_folder_from_whoever_starts_it(service, tmp_path):
    stolen = tmp_path / "stolen"
    variables = {"command": f"touch {stolen}", "env": {"SCIKIT_LEARN_DATA": "/elsewhere"}, "working_dir": str(tmp_path)}
    filled_in = {"parameters": {"experiment": SMALL | {"name": "closed"}}, "job_variables": variables}
    run_id = service.api(f"/deployments/{service.form()}/create_flow_run", filled_in)["id"]
    service.workplace.wait_until(lambda: service.state(run_id) == "Completed")
    assert service.workplace.runs("sweep", "closed") == {"FINISHED": 1}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_of_this_machine_can_neither_use_prefects_api_nor_read_its_login(service):
    another = {"user": 65534, "group": 65534, "extra_groups": [], "capture_output": True, "text": True, "cwd": "/"}
    curl = shutil.which("curl") or pytest.skip("no curl")
    run = f"{service.prefect}/api/deployments/{service.form()}/create_flow_run"
    for address in (run, f"{service.prefect}/api/flow_runs/count"):
        command = [curl, "-s", "-o", "/dev/null", "-w", "%{http_code}", "--json", "{}", address]
        assert subprocess.run(command, **another).stdout == "401"
    for name in ("up.json", "prefect-login.txt"):
        path = service.workplace.folder / "mlruns" / name
        assert path.stat().st_mode & 0o777 == 0o600
        assert subprocess.run(["cat", path], **another).returncode != 0


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_of_this_machine_can_use_mlflow_without_a_login(service):
    curl = shutil.which("curl") or pytest.skip("no curl")
    search = f"{service.mlflow}/api/2.0/mlflow/experiments/search?max_results=1"
    command = [curl, "-s", "-o", "/dev/null", "-w", "%{http_code}", search]
    another = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
    assert subprocess.run(command, capture_output=True, text=True, check=True, **another).stdout == "200"


def test_a_webhook_is_called_when_a_sweep_fails(service):
    heard: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["content-length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as hook:
        threading.Thread(target=hook.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{hook.server_port}/"
        place = {"PREFECT_API_URL": f"{service.prefect}/api", "PREFECT_HOME": str(service.workplace.folder / "prefect")}
        environment = service.workplace.environment() | place | {"PREFECT_API_AUTH_STRING": service.login}
        subprocess.run([sys.executable, NOTIFY, address], env=environment, check=True, timeout=60)
        service.start_from_form(SMALL, tracking_server="sqlite:////proc/x.db")
        service.workplace.wait_until(lambda: heard)
        hook.shutdown()
    assert re.search(r"cells: Failed, .*/proc/x.db", heard[0])


def test_a_server_that_dies_is_restarted(service):
    (server,) = [
        process
        for process in service.workplace.processes()
        if command_line(process)[1:4] == ["-m", "mlflow", "server"] and str(service.ports[0]) in command_line(process)
    ]
    server.kill()
    service.workplace.wait_until(lambda: "MLflow ended" in service.workplace.output())
    service.workplace.wait_until(lambda: status_code(f"{service.mlflow}/health") == 200)
    time.sleep(20)  # longer than a life that the service counts as short
    assert service.process.poll() is None
    assert service.workplace.output().count("MLflow ended") == 1


def status_code(address: str, login: str = "", method: str = "GET", headers: dict[str, str] | None = None) -> int:
    """Status code of a server's answer; 0 if there is none."""
    request = urllib.request.Request(address, headers=headers or {}, method=method)
    if login:
        request.add_header("Authorization", f"Basic {b64encode(login.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def test_killing_a_service_ends_everything_it_started_and_it_can_start_again(workplace):
    killed = Service(workplace)
    killed.process.kill()
    killed.process.wait()
    _, alive = psutil.wait_procs(workplace.processes(), timeout=40)
    assert alive == []
    assert "not running" in workplace.mlp("status").stdout
    Service(workplace).end()


def test_with_a_login_both_servers_require_it_and_the_commands_in_the_folder_use_it(workplace):
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
            assert status_code(address) == 401
            assert status_code(address, "admin:wrong horse battery") == 401
            assert status_code(address, login) == 200
        ran = workplace.mlp("run", "demo", "--data", "digits", "--epochs", "2")
        assert ran.returncode == 0, ran.stdout + ran.stderr
    finally:
        service.end()
    assert (workplace.folder / "mlruns" / "mlflow-login.ini").read_text().count("battery") == 0
    assert (workplace.folder / "mlruns" / "mlflow-login.db").stat().st_mode & 0o777 == 0o600


def test_the_deployments_in_prefect_yaml_are_valid_and_can_be_registered(service):
    yaml = pytest.importorskip("yaml")
    from pathlib import Path

    from flows.plan.experiment import Experiment

    deployments = yaml.safe_load(Path(__file__).parents[2].joinpath("prefect.yaml").read_text())["deployments"]
    for deployment in deployments:
        assert Experiment.model_validate(deployment["parameters"]["experiment"]).cells()
    environment = service.workplace.environment() | {"PREFECT_API_URL": f"{service.prefect}/api", "MLP_FOLDER": "/tmp"}
    environment["PREFECT_HOME"] = str(service.workplace.folder / "mlruns" / "prefect")
    environment["PREFECT_API_AUTH_STRING"] = service.login
    prefect = service.workplace.command.removesuffix("mlp") + "prefect"
    done = subprocess.run(
        [prefect, "--no-prompt", "deploy", "--name", "nightly"],
        cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nightly" in service.workplace.mlp("schedules").stdout


def test_a_store_can_be_used_alternately_with_and_without_the_service(workplace):
    """Run a sweep and every command with the service, then without it, then with it again."""

    def use_everything() -> None:
        compared = workplace.mlp("compare", "demo", "--json")
        assert [group["seeds"] for group in json.loads(compared.stdout)] == [2, 2, 2], compared.stderr
        assert "<!doctype html>" in workplace.mlp("compare", "demo", "--html").stdout
        predicted = workplace.mlp("predict", "--experiment", "demo", "--test", "0")
        assert predicted.returncode == 0, predicted.stderr
        again = workplace.mlp("run", *demo)
        assert again.returncode == 0, again.stderr
        assert "nothing to train" in again.stdout
        assert "Report:" in again.stdout

    demo = ("demo", "--data", "digits", "--epochs", "2", "--seeds", "0-1")
    service = Service(workplace)
    assert workplace.mlp("run", *demo).returncode == 0
    assert workplace.mlp("ui").stdout.startswith(service.mlflow), "the service's own pages"
    use_everything()
    service.end()
    use_everything()
    assert workplace.mlp("run", *demo, "--set", "name=alone").returncode == 0
    service = Service(workplace)
    use_everything()
    assert workplace.mlp("compare", "alone").returncode == 0
    more = workplace.mlp("run", *demo, "--set", "name=alone", "--force")
    assert more.returncode == 0, more.stderr
    service.end()
    runs = workplace.query("select artifact_uri from runs where lifecycle_stage = 'active'")
    assert {uri.startswith(str(workplace.folder / "mlruns" / "artifacts")) for (uri,) in runs} == {True}
