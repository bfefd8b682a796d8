"""Build the wheel and the sdist, and try each as a stranger would: ``python tools/try_package.py [EXTRA …]``.

Each is installed without constraints into an empty environment outside the checkout, and there `from mlp import
MLPClassifier`, the demo on digits, and `mlp up` with a sweep by schedule must work.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT, MINUTES = Path(__file__).parents[1], 10
BIN = "Scripts" if sys.platform == "win32" else "bin"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("PIP_CONSTRAINT", "PYTHONPATH")}


def run(*command: object, folder: Path) -> str:
    """Run a command to its end; its output. An exit code other than 0 ends this program."""
    begun = time.monotonic()
    words = list(map(str, command))
    ended = subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=60 * MINUTES * 2)
    print(f"{time.monotonic() - begun:6.1f} s  {' '.join(words)[-100:]}", flush=True)
    if ended.returncode:
        sys.exit(f"{ended.stdout}{ended.stderr}")
    return ended.stdout


def try_schedule(mlp: Path, folder: Path) -> None:
    """Start the service, have it run the demo every minute, and wait until it has done so once."""
    with (folder / "up.log").open("w") as log:
        service = subprocess.Popen([mlp, "up"], cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60 * MINUTES
        while "Ctrl-C ends" not in (folder / "up.log").read_text():
            if service.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"mlp up did not start: {(folder / 'up.log').read_text()}")
            time.sleep(1)
        run(mlp, "schedule", "demo", "--data", "digits", "--epochs", "3", "--every", "1m", folder=folder)
        while (status := run(mlp, "status", folder=folder)).count("9 FINISHED") < 2:  # the demo's, and the schedule's
            if time.monotonic() > deadline:
                sys.exit(f"no sweep by schedule: {status}")
            time.sleep(10)
    finally:
        service.terminate()
        service.wait(60)


def main(extras: list[str]) -> None:
    """Build both, and try each."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        run(sys.executable, "-m", "venv", place / "build", folder=place)
        run(place / "build" / BIN / "pip", "install", "--quiet", "build", folder=place)
        run(place / "build" / BIN / "python", "-m", "build", "--outdir", place / "dist", ROOT, folder=place)
        for package in sorted((place / "dist").iterdir()):
            folder = place / f"try-{package.suffix[1:]}"
            folder.mkdir()
            run(sys.executable, "-m", "venv", folder / "venv", folder=folder)
            installed = f"{package}[{','.join(extras)}]" if extras else package
            run(folder / "venv" / BIN / "pip", "install", "--quiet", installed, folder=folder)
            run(folder / "venv" / BIN / "python", "-c", "from mlp import MLPClassifier", folder=folder)
            run(folder / "venv" / BIN / "mlp", "run", "demo", "--data", "digits", folder=folder)
            try_schedule(folder / "venv" / BIN / "mlp", folder)


main(sys.argv[1:])
