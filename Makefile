# run: the app on 127.0.0.1:7860 · test: the tests · check: lint, types, import rules · bench: timings
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 7860
WORKERS ?= 2
ARGS ?=

.PHONY: run test slow fuzz soak faults check bench format deploy browser lock locked audit licences clean

run: $(VENV)/.ready
	$(BIN)/python app.py --port $(PORT) $(ARGS)

test: $(VENV)/.ready-dev browser
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

slow: $(VENV)/.ready-dev browser
	$(BIN)/python -m pytest -m slow

# A million cases for everything that reads foreign input; by coverage where atheris installs, else by mutation.
fuzz: $(VENV)/.ready-dev
	$(BIN)/python -m pip install --quiet atheris==3.0.0 || echo "No atheris here: random mutation instead." >&2
	$(BIN)/python -m tests.fuzz $(ARGS)

# Kills, damaged files, full and closed disks, no network, clock jumps, two instances; some need root and say so.
faults: $(VENV)/.ready-dev
	$(BIN)/python -m pytest tests/faults tests/evaluation/test_kills.py tests/ui/test_shutdown.py tests/models/test_artifacts.py $(ARGS)

# Fifty clients at once, and a long evaluation beside one person.
soak: $(VENV)/.ready-dev
	$(BIN)/python -m tests.soak $(ARGS)

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.ready-dev
	$(BIN)/python -m recsys bench resolution
	$(BIN)/python -m recsys bench generation
	$(BIN)/python -m recsys bench decoding

# make deploy SPACE=user/name  (needs HF_TOKEN with write access)
deploy: $(VENV)/.ready
	$(BIN)/python -m recsys deploy "$(SPACE)"

# requirements.lock: what requirements.txt resolves to, with hashes.
lock: $(VENV)-audit/.ready
	$(VENV)-audit/bin/uv pip compile requirements.txt --custom-compile-command "make lock" --output-file requirements.lock

# Installs that lock, every file checked against its hash; torch first, from TORCH_INDEX where that is given.
locked:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep ^torch== requirements.txt)"
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.lock
	touch $(VENV)/.ready

# Known weaknesses of what the lock names; asks an advisory service on the internet.
audit: $(VENV)-audit/.ready
	$(VENV)-audit/bin/pip-audit --requirement requirements.lock --disable-pip

# The licence of every package of the lock, as the packages themselves state it.
licences: $(VENV)/.ready $(VENV)-audit/.ready
	{ printf '# Licences of the installed packages\n\nWritten by `make licences`; what each is for: `THIRD_PARTY.md`.\n\n'; \
	  $(VENV)-audit/bin/pip-licenses --python $(BIN)/python --from=mixed --format=markdown --order=name \
	  --packages torch $$(sed -n 's/^\([a-z0-9._-]*\)==.*/\1/p' requirements.lock); } > docs/licences.md

$(VENV)-audit/.ready: pyproject.toml
	test -x $(VENV)-audit/bin/python || $(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet $$($(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["audit"])')
	touch $@

# Browser tests drive a Chromium of the system; it is installed when we may, else those tests are skipped.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } || \
	echo "No Chromium and no right to install one: browser tests will be skipped." >&2

$(VENV)/.ready: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-audit build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
