# `make demo` and `make test` set up all that they need.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# The tests of a file run one after the other: they share servers and stores.
PARALLEL := --numprocesses 2 --dist loadfile
CLAIMS := $(notdir $(patsubst %/,%,$(dir $(wildcard mlp/claims/*/claim.yaml))))
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help install demo test test-quick coverage test-system test-kills test-refusals test-restarts test-tampering test-cancellations test-machines lint format results studies screenshots claims claims-full bench pictures docs docs-links package
help:  ## Say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) --editable '.[test,notebook]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) --editable '.[docs]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-test
	$(PIP) --editable '.[bench]'
	@touch $@

install: $(VENV)/.installed  ## Make .venv with the package in it

demo: $(VENV)/.installed  ## The main job in seconds: three seeds, none, half and all labels shuffled
	$(BIN)/mlp run demo

test: lint  ## Lint, and every test but the slow ones
	$(BIN)/pytest $(PARALLEL) -m "not slow"

test-quick: $(VENV)/.installed-test  ## The tests without servers and browsers
	$(BIN)/pytest $(PARALLEL) -m "not slow and not system"

coverage: $(VENV)/.installed-test  ## The same, and which lines they leave out; measuring makes them 1.7 times as long
	$(BIN)/pytest $(PARALLEL) -m "not slow and not system" --cov mlp --cov flows --cov-report term-missing:skip-covered

test-system: $(VENV)/.installed-test  ## The tests that take long: servers, crashes, browsers
	$(BIN)/pytest $(PARALLEL) -m slow

test-refusals: $(VENV)/.installed-test  ## Generated mistakes, each refused in one line: REFUSALS=300 of them, chosen by SEED=0
	REFUSALS=$(or $(REFUSALS),300) SEED=$(or $(SEED),0) $(BIN)/pytest -s tests/system/test_refusals.py

test-kills: $(VENV)/.installed-test  ## Kill processes of sweeps at random moments, KILLS=100 times, with SEED=0
	KILLS=$(or $(KILLS),100) SEED=$(or $(SEED),0) $(BIN)/pytest -s tests/system/test_kills.py

test-restarts: $(VENV)/.installed-test  ## Restart PostgreSQL in the middle of sweeps, RESTARTS=20 times, with SEED=0
	RESTARTS=$(or $(RESTARTS),20) SEED=$(or $(SEED),0) $(BIN)/pytest -s tests/system/test_restarts.py

test-tampering: $(VENV)/.installed-test  ## Tamper with exports, TAMPERED=200 of them, chosen by SEED=0
	TAMPERED=$(or $(TAMPERED),200) SEED=$(or $(SEED),0) $(BIN)/pytest -s tests/flows/store/test_tampered_exports.py

test-machines: $(VENV)/.installed-test  ## Cut machines of a cluster off for CUT_SECONDS=60, and kill one; needs root, for network namespaces
	CUT_SECONDS=$(or $(CUT_SECONDS),60) $(BIN)/pytest -s tests/system/test_machines.py

test-cancellations: $(VENV)/.installed-test  ## Cancel sweeps in their first seconds, CANCELLATIONS=50 times, with SEED=0
	CANCELLATIONS=$(or $(CANCELLATIONS),50) SEED=$(or $(SEED),0) $(BIN)/pytest -s tests/system/test_cancellations.py

lint: $(VENV)/.installed-test  ## Style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/oxlint --deny-warnings flows/report/explore/page
	set -e; for platform in linux darwin win32; do $(BIN)/mypy --platform $$platform; done
	$(BIN)/lint-imports

format: $(VENV)/.installed-test  ## Put the code into the one style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/nbstripout notebooks/*.ipynb

results: $(VENV)/.installed  ## Run the mission on MNIST, and write its picture and its table into docs/ and the README
	$(BIN)/mlp run shuffle
	$(BIN)/mlp compare shuffle --markdown > docs/shuffle.md
	$(BIN)/mlp compare shuffle --metric test/accuracy --baseline fraction=0 --markdown > docs/differences.md
	$(BIN)/python tools/picture.py shuffle docs/shuffle.png
	$(BIN)/python tools/include.py

studies: $(VENV)/.installed  ## Run the studies of noise images, of label noise and of the best network, and write their figures and tables into docs/
	$(BIN)/mlp run noise
	$(BIN)/mlp run noise --set descent.epochs=5
	$(BIN)/mlp run label_noise
	$(BIN)/mlp run label_noise --set corruption.labels=shuffle
	$(BIN)/python tools/studies.py
	$(BIN)/python tools/record.py > docs/record.md
	$(BIN)/python tools/include.py

screenshots: $(VENV)/.installed-test  ## Write pictures of MLflow's charts, of the report and of the page to draw in into docs/ (needs Chromium)
	$(BIN)/mlp run shuffle
	$(BIN)/python tools/screenshots.py shuffle

claims: $(VENV)/.installed  ## Test every claim at small scale, the best network in full, and write docs/claims/ and the README's table
	$(BIN)/mlp reproduce all
	$(BIN)/mlp reproduce best --scale full
	$(BIN)/mlp reproduce --write docs
	$(BIN)/python tools/include.py

claims-full: $(VENV)/.installed  ## Test the claims at full scale, and write the same
	set -e; for claim in $(CLAIMS); do $(BIN)/mlp reproduce $$claim --scale full; done
	$(BIN)/mlp reproduce --write docs
	$(BIN)/python tools/include.py

bench: $(VENV)/.installed-bench  ## Time the engine beside its peers, and whole sweeps; write it into docs/ and the README
	$(BIN)/python benchmarks/throughput.py --batch 10 > docs/throughput.txt
	$(BIN)/python benchmarks/throughput.py --batch 32 >> docs/throughput.txt
	$(BIN)/python benchmarks/throughput.py --batch 128 >> docs/throughput.txt
	$(BIN)/python benchmarks/throughput.py --batch 128 --hidden 512 --networks 4 >> docs/throughput.txt
	$(BIN)/python benchmarks/sweep.py > docs/sweep.txt
	$(BIN)/python benchmarks/scaling.py > docs/scaling.txt
	$(BIN)/python benchmarks/tracking.py > docs/tracking.txt
	$(BIN)/python benchmarks/cluster.py > docs/cluster.txt
	$(BIN)/python tools/include.py
	cat docs/throughput.txt docs/sweep.txt docs/scaling.txt docs/tracking.txt docs/cluster.txt

pictures: $(VENV)/.installed  ## Count which drawings of digits are read right, and write the tables and the picture of docs/pictures.md
	$(BIN)/python tools/pictures.py > docs/pictures.txt
	$(BIN)/python tools/pictures.py --picture docs/pictures.png
	$(BIN)/python tools/include.py

# The live pages of the site, from a sweep of the small digits that are part of scikit-learn, in a store of its own.
LIVE := cd build && env -u MLFLOW_TRACKING_URI -u PREFECT_API_URL ../$(BIN)/mlp
build/extra/live/report.html: $(VENV)/.installed
	mkdir -p $(@D)
	$(LIVE) run demo --data digits
	$(LIVE) report demo --no-open --output extra/live/report.html
	$(LIVE) explore demo --no-open --output extra/live/explore.html

# Mermaid is no Python package. Without npm, put its script there by hand.
build/mermaid/mermaid.min.js:
	mkdir -p $(@D)
	cd $(@D) && npm pack --silent mermaid@11.17.2 && tar --extract --gzip --file mermaid-*.tgz --strip-components 2 package/dist/mermaid.min.js
	rm $(@D)/mermaid-*.tgz

docs: $(VENV)/.installed-docs build/extra/live/report.html build/mermaid/mermaid.min.js  ## Build the site into build/site: notebooks run, warnings are errors
	$(BIN)/sphinx-build -q -W --keep-going -d build/doctrees docs build/site
	@echo build/site/index.html

docs-links: $(VENV)/.installed-docs  ## Check the site's links to other sites
	$(BIN)/sphinx-build -q -D nb_execution_mode=off -d build/doctrees-links -b linkcheck docs build/links

package: $(VENV)/.installed  ## Build the wheel and the sdist, and try each without constraints in an empty environment
	$(BIN)/python tools/try_package.py
