# The README's two commands are `make demo` and `make test`; each sets up what it needs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: demo up test browser check bench soak help

demo: $(READY)  ## a county works on the rehearsal clock; then the portal is open (EXIT=1: ends; FAMILY=recognition)
	$(BIN)/juanzong demo $(if $(EXIT),--exit) $(if $(FAMILY),--family $(FAMILY))

up: $(READY)  ## the whole stack on this machine: database, Temporal, worker, web
	$(BIN)/juanzong up

test: browser  ## all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

SYSTEM := chromium fontconfig fonts-noto-cjk libatomic1 poppler-utils
browser: $(READY)  # what the tests of the pages need of the system: Chromium, its driver's library, a Chinese font, pdftotext
	@if ! { command -v chromium && command -v pdftotext && fc-list :lang=zh | grep -q . && $(BIN)/playwright --version; } \
	    >/dev/null 2>&1; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM); \
	  else \
	    echo "页面测试要用Chromium（含其驱动的库）、中文字体和pdftotext。请先安装（Debian）：sudo apt-get install $(SYSTEM)"; exit 1; \
	  fi; fi

check: $(READY)  ## style, import contract, tables
	$(BIN)/ruff check .
	$(BIN)/lint-imports --config pyproject.toml
	$(BIN)/python -c "import domain.procedures"

bench: $(READY)  ## the figures of docs/benchmarks.md; writes build/bench.json
	$(BIN)/python -m bench.run

soak: $(READY)  ## the long runs: every part killed 50 times (CHECK=kill)
	KILLS=50 $(BIN)/python -m pytest tests/ops/test_kill.py

help:  ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 10

$(READY): pyproject.toml requirements.lock
	command -v $(PYTHON) >/dev/null || { echo "请先安装 Python 3.11（Debian：apt-get install python3.11-venv）"; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)
