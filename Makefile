# run: the app on 127.0.0.1:7860 · test: the tests · check: lint, types, import rules · bench: timings
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 7860
WORKERS ?= 2
ARGS ?=

.PHONY: run test slow check bench format deploy browser clean

run: $(VENV)/.ready
	$(BIN)/python app.py --port $(PORT) $(ARGS)

test: $(VENV)/.ready-dev browser
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

slow: $(VENV)/.ready-dev browser
	$(BIN)/python -m pytest -m slow

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
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
