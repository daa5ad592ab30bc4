# make test            everything that must hold; what it needs is installed first
# make demo            plain TTL cache against Snowmelt, in seconds, without a network
# make bench           hit ratios, speed and memory beside the peers
# make simulate        STEPS=… SEED=… of simulated sandboxes and streams
# make fuzz            SECONDS=… on each fuzz target
# make kinesis         a Kinesis API on the loopback to try things with
# make packages        what npm and PyPI get, in dist/, tested as users get it
# make layer           the Lambda extension's layer, in dist/
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
# One build at a time: cargo uses all cores already.
.NOTPARALLEL:

STEPS ?= 1000000
SEED ?=
SECONDS ?= 30
PORT ?= 4568

CARGO ?= cargo
PYTHON_EXAMPLES := examples/python-lambda examples/python-fastapi examples/python-http examples/extension
# The fuzz targets are a workspace of their own; they share the target folder.
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
FUZZ := CARGO_TARGET_DIR=$(TARGET)/fuzz $(CARGO)
SIMULATION := $(CARGO) test --locked --profile checked -p snowmelt-core --lib -- --nocapture
# A filter that matches no test must not pass for a test that passed.
RAN := | tee $(TARGET)/ran.log && grep -q '^test result: ok\. [1-9]' $(TARGET)/ran.log

# What hangs ends, and is named: a file of Node's tests after this many milliseconds, and where nobody sits in front of it
# one program of cargo's tests after these seconds. (That has said which test runs for over a minute.) For pytest it is in
# each pyproject.toml.
NODE_TEST := node --test --test-timeout=900000
ifdef CI
RUNNER := CARGO_TARGET_$(shell rustc -vV | sed -n 's/^host: //p' | tr a-z- A-Z_)_RUNNER
test-workspace test-fuzz: export $(RUNNER) := $(if $(shell command -v timeout),timeout --verbose --signal=ABRT --kill-after=30 1800)
endif

.PHONY: help test install lint test-workspace test-core-alone test-wasm test-fuzz test-node \
	test-python no-servers demo bench bench-node bench-python bench-extension simulate mutants fuzz kinesis \
	packages packages-node packages-python layer format clean

help:
	@sed -n 's/^# make /make /p' Makefile

test: install lint test-core-alone test-wasm test-fuzz test-workspace test-node test-python no-servers

install:
	.ci/install.sh

lint:
	$(CARGO) fmt --all --check
	cd core/fuzz && $(CARGO) fmt --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --quiet

# The simulation (fixed seeds and a fresh one), its mutants, the fleets, the
# vectors, kinesis-local's and the examples' tests are among them.
test-workspace:
	$(CARGO) test --locked --workspace

# By itself, so that no other crate's features can hide what it lacks.
test-core-alone:
	$(CARGO) check --locked -p snowmelt-core --no-default-features

test-wasm:
	.ci/check-wasm.sh

# The fuzz targets' functions over fixed random bytes, without libFuzzer.
test-fuzz:
	cd core/fuzz && $(FUZZ) test --locked --quiet

# Both builds of the npm package, its types, and the examples that use it.
test-node: export SNOWMELT_WHOLE_WORKSPACE = 1
test-node:
	node bindings-node/scripts/build.mjs
	cd bindings-node && node_modules/.bin/tsc --noEmit -p . && $(NODE_TEST) test/*.test.mjs
	$(NODE_TEST) examples/node-lambda/test/*.test.mjs examples/node-http/test/*.test.mjs

# The PyPI package, its types, and the examples that use it.
test-python: export SNOWMELT_WHOLE_WORKSPACE = 1
test-python:
	bindings-python/scripts/develop.sh
	for example in $(PYTHON_EXAMPLES); do bindings-python/scripts/example.sh $$example; done
	bindings-python/scripts/check-types.sh $(PYTHON_EXAMPLES)
	cd bindings-python && .venv/bin/python -m pytest -q
	for example in $(PYTHON_EXAMPLES); do (cd $$example && .venv/bin/python -m pytest -q); done

# Whatever the tests above started must have ended.
no-servers:
	.ci/check-no-servers.sh

demo:
	$(CARGO) run --locked --release --quiet -p snowmelt-demo

bench:
	$(CARGO) run --locked --profile bench -p snowmelt-bench --bin hit_ratio
	$(CARGO) run --locked --profile bench -p snowmelt-bench --bin speed
	$(CARGO) run --locked --profile bench -p snowmelt-bench --bin memory -- continued
	$(CARGO) run --locked --profile bench -p snowmelt-bench --bin http
	$(MAKE) bench-node
	$(MAKE) bench-python
	$(MAKE) bench-extension

# With the addon as it is shipped.
bench-node: install
	node bindings-node/scripts/build.mjs --profile packages --no-wasm
	node bindings-node/bench/main.mjs

# With the extension module as it is shipped. Two of its parts: PARTS="hits cached"
bench-python:
	bindings-python/scripts/bench.sh $(PARTS)

# The extension as it is shipped, but for the linker. One of its parts: PARTS=hits
bench-extension: install
	$(CARGO) build --locked --profile extension -p snowmelt-extension
	SNOWMELT_EXTENSION=$(TARGET)/extension/snowmelt-extension \
		$(CARGO) run --locked --profile bench -p snowmelt-extension-bench -- $(PARTS)

simulate:
	SNOWMELT_SIM_STEPS=$(STEPS) SNOWMELT_SIM_SEED=$(SEED) $(SIMULATION) --ignored simulate_for $(RAN)

mutants:
	$(SIMULATION) every_mutant_is_found $(RAN)

# libFuzzer's instrumentation is part of stable rustc; only its runtime is C++.
FUZZ_FLAGS := -Cpasses=sancov-module \
	-Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
	-Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

fuzz:
	cd core/fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" $(FUZZ) build --locked --release --features libfuzzer --target $(HOST)
	mkdir -p $(TARGET)/fuzz/corpus/codecs $(TARGET)/fuzz/corpus/operations
	for target in codecs operations; do \
		seeds=""; [ ! -d core/fuzz/seeds/$$target ] || seeds=core/fuzz/seeds/$$target; \
		$(TARGET)/fuzz/$(HOST)/release/$$target -max_total_time=$(SECONDS) -max_len=4096 -print_final_stats=1 \
			-artifact_prefix=$(TARGET)/fuzz/$$target- $(TARGET)/fuzz/corpus/$$target $$seeds </dev/null; \
	done

packages: packages-node packages-python

packages-node: install
	rm -f dist/snowmelt-*.tgz
	node bindings-node/scripts/pack.mjs
	SNOWMELT_PACKAGES=$(CURDIR)/dist $(NODE_TEST) bindings-node/test/packaging.test.mjs

# The sources are built too, as pip builds them where there is no wheel.
packages-python: install
	rm -f dist/snowmelt-*.whl dist/snowmelt-*.tar.gz
	python3 bindings-python/scripts/pack.py
	bindings-python/scripts/develop.sh --tools
	cd bindings-python && SNOWMELT_PACKAGES=$(CURDIR)/dist SNOWMELT_SDIST_TARGET=$(TARGET)/sdist \
		.venv/bin/python -m pytest -q tests/packaging --confcutdir=tests/packaging -o faulthandler_timeout=1800

# The script refuses it if it is too large, or if Lambda could not start it.
layer:
	native/extension/scripts/layer.sh

kinesis: install
	node native/tests/servers/kinesis-local.cjs --port $(PORT)

format:
	$(CARGO) fmt --all
	cd core/fuzz && $(CARGO) fmt

clean:
	$(CARGO) clean
	rm -rf core/fuzz/target native/tests/servers/node_modules native/tests/servers/.venv
	cd bindings-node && rm -rf lib npm build node_modules
	rm -rf examples/node-lambda/node_modules examples/{python-*,extension}/.venv examples/{python-lambda,extension}/local/node_modules dist
	rm -rf native/extension/.venv-layer
	cd bindings-python && rm -rf .venv* bench/.venv types/node_modules python/snowmelt/_snowmelt.abi3.so
