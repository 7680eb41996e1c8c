# The commands of this repository; `make` alone lists them. Everything is installed into .venv; outside this
# folder there are only caches, and the system packages that `make test` says it installs.

VENV    := .venv
BIN     := $(VENV)/bin
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python

# A stamp is a file whose time says when a step was last done.
LAB     := $(VENV)/.lab-installed
DEV     := $(VENV)/.dev-installed
PEERS   := .venv-bench/.installed
PACKAGE := pyproject.toml hatch_build.py $(shell find frontend kernels -type f -not -path '*/node_modules/*')

.PHONY: help lab test check test-pythons test-debian-port test-pico-firmware test-micropython faults bench lock clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 26

lab: $(LAB) ## set up, start the virtual bench and open JupyterLab on the tutorials
	$(BIN)/iotlab lab notebooks $(LAB_OPTIONS)

test: $(DEV) ## set up and run every test (TESTS=tests/unit for some of them)
	$(BIN)/python scripts/system_parts.py
	$(BIN)/pytest $(TESTS)

check: $(DEV) ## style, types, layers, the browser's code, and whether the lock files are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy scripts benchmarks hatch_build.py
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/npm.py run check
	scripts/lock.sh --check
	$(BIN)/uv pip check --quiet --python $(BIN)/python

test-pythons: $(DEV) ## run the unit tests on every Python from 3.10 to 3.14 that is found here
	$(BIN)/python scripts/test_pythons.py

test-debian-port: $(DEV) ## build MicroPython from Debian's source package and hold the boards against it
	micropython=$$($(BIN)/python scripts/build_micropython_unix.py) && IOTLAB_MICROPYTHON=$$micropython \
	$(BIN)/pytest tests/contract/test_kernel.py tests/emulated/test_boards.py tests/emulated/test_bench_machine.py

test-pico-firmware: $(DEV) ## build the Pico's MicroPython from Debian's packages and hold an emulated RP2040 with it to the contract
	$(BIN)/python scripts/build_pico_firmware.py
	$(BIN)/pytest --timeout 600 tests/firmware

faults: $(DEV) ## put a thousand single faults into the link; writes docs/reliability.md (FAULTS_OPTIONS=--help)
	$(BIN)/python scripts/faults.py $(FAULTS_OPTIONS)

bench: $(DEV) $(PEERS) ## measure iotlab beside other tools (BENCH_OPTIONS="--quick --only eval")
	$(BIN)/python -m benchmarks $(BENCH_OPTIONS)

test-micropython: $(DEV) ## run MicroPython's own test programs in cells, and hold what they print against the port
	$(BIN)/python scripts/micropython_tests.py $(TESTS)

lock: $(BIN)/uv ## write the lock files anew from pyproject.toml (UPGRADE=--upgrade: newest versions)
	scripts/lock.sh $(UPGRADE)
	benchmarks/lock.sh $(UPGRADE)

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) .venv-* dist build frontend/node_modules iotlab/widgets/static

$(BIN)/uv: requirements/setup.lock scripts/create_venv.sh
	scripts/create_venv.sh $(VENV)
	@touch $@

$(LAB): requirements/lab.lock $(PACKAGE) | $(BIN)/uv
	$(INSTALL) --require-hashes --requirement requirements/lab.lock
	$(INSTALL) --no-deps --build-constraints requirements/dev.lock --editable .
	@touch $@

$(DEV): requirements/dev.lock $(LAB)
	$(INSTALL) --require-hashes --requirement requirements/dev.lock
	@touch $@

# The tools that `make bench` measures iotlab beside.
$(PEERS): benchmarks/requirements.lock | $(BIN)/uv
	$(BIN)/uv venv --quiet --allow-existing --no-python-downloads --python $(BIN)/python $(@D)
	$(BIN)/uv pip install --quiet --python $(@D)/bin/python --require-hashes --requirement benchmarks/requirements.lock
	@touch $@
