# make demo   live pictures from built-in cameras: http://127.0.0.1:8080   (HOST= PORT= WEBRTC_PORT= to change)
# make test   everything that is checked, tests with a real browser included
# make check  formatting, lint, types, layering
# make rig    every link and camera fault, in network namespaces (root)
# make bench  the figures of docs/benchmarks.md, other servers beside ours
# All of them set up what they need, in .venv and node_modules; the second time there is nothing left to do.

PYTHON ?= python3
APT ?= scripts/apt
PORT ?= 8080
WEBRTC_PORT ?= 8190
HOST ?= 127.0.0.1
# Some shells export HOST as this machine's name, which must not open the demo to the network: from the environment
# only an address counts.
ifeq ($(origin HOST),environment)
ifneq ($(shell printf '%s' "$$HOST" | tr -d '0-9a-fA-F.:'),)
override HOST := 127.0.0.1
endif
endif

BIN := .venv/bin
RUN_READY := .venv/.ready-to-run
TEST_READY := .venv/.ready-to-test
BENCH_READY := .venv/.ready-to-bench
NODE_READY := node_modules/.ready
HLS_JS := static/vendor/hls.mjs
NODE_TESTS = $(sort $(wildcard tests/static/*.test.js tests/static/*.test.mjs))
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Playwright's own Node.js wants libatomic1.
# A second browser vendor's player is not needed; a second vendor's RTSP server is (gst-rtsp-server).
TEST_PACKAGES := chromium ffmpeg gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-tools gstreamer1.0-plugins-base \
	gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav libatomic1 openssl \
	iproute2 nftables nginx libnginx-mod-http-js coturn

export PYTHON
# Node.js may live in .venv (scripts/node); tools must not depend on the caller's language.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export LC_ALL := C.UTF-8

.PHONY: demo test check format coverage bench rig packages clean
.DELETE_ON_ERROR:
# Two recipes may run npm in the same folder.
.NOTPARALLEL:

demo: $(RUN_READY) $(HLS_JS)
	@exec $(BIN)/camera-gateway demo --webrtc-port '$(WEBRTC_PORT)' \
		--listen '$(if $(findstring :,$(HOST)),[$(HOST)],$(HOST)):$(PORT)'

test: packages check $(HLS_JS)
	node --test $(or $(NODE_TESTS),$(error no tests found in tests/static))
	$(BIN)/pytest $(or $(PYTEST),--numprocesses 2)

check: $(TEST_READY) $(NODE_READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	node node_modules/eslint/bin/eslint.js --max-warnings 0 static tests/static eslint.config.js
	node node_modules/typescript/bin/tsc --project tsconfig.json

format: $(TEST_READY)
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

coverage: $(TEST_READY) packages $(HLS_JS)
	$(BIN)/pytest --cov --cov-report=term-missing $(PYTEST)

rig: $(TEST_READY) packages $(HLS_JS)
	$(BIN)/pytest tests/rig -m "e2e or rig" $(PYTEST)

# Hours on a quiet machine; BENCH="glass-to-glass --repeats 3" runs one of them.  Peers: MEDIAMTX_BIN, GO2RTC_BIN or PATH.
bench: $(BENCH_READY) packages $(HLS_JS)
	@$(BIN)/python -m bench $(or $(BENCH),all --plots bench/results)

packages:
	@$(APT) $(TEST_PACKAGES)

$(RUN_READY): pyproject.toml scripts/venv
	@echo "camera-gateway: setting up .venv (the first time takes a minute)"
	@scripts/venv
	@$(PIP) --editable .
	@touch $@

$(TEST_READY): $(RUN_READY)
	@echo "camera-gateway: installing what the tests need"
	@$(PIP) --editable '.[test]'
	@touch $@

$(BENCH_READY): $(TEST_READY)
	@echo "camera-gateway: installing what draws figures"
	@$(PIP) --editable '.[bench]'
	@touch $@

$(HLS_JS): package.json package-lock.json scripts/vendor | $(RUN_READY)
	@scripts/vendor

$(NODE_READY): package.json package-lock.json .npmrc scripts/node | $(RUN_READY)
	@scripts/node
	@npm ci --silent
	@touch $@

clean:
	rm -rf .venv node_modules static/vendor build dist .mypy_cache .ruff_cache .pytest_cache .coverage htmlcov
	find gateway tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
