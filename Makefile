.DEFAULT_GOAL := help
.PHONY: help install install-test compile run test check bench bench-behaviours bench-peers bench-streams \
	bench-policies lint types contracts format lock verify-cache verify-conformance \
	verify-formats verify-fronts verify-intake verify-kills verify-lanes verify-lengths verify-long \
	verify-loop verify-music verify-players verify-pop verify-restarts verify-s3 verify-twice

PYTHON ?= python3
BIN := .venv/bin
# Where everything of this machine's installation is kept.
export ATTACCA_DATA ?= $(CURDIR)/data
PORT ?= 8080
# A folder of music of yours; without it there is the demonstration album.
MUSIC ?=
# The cache that `make verify-conformance` judges.
PEER ?= attacca
# Options of `make bench-peers` and `make bench-streams`.
ARGS ?=
# How many `make verify-lanes` sends.
REQUESTS ?= 1000000
# How long `make verify-cache` lasts.
MINUTES ?= 10
# What `make test` is to run: a folder, a file, `-k words`.
T ?=
# Processes that run all tests together; each has an S3 server of its own.
JOBS ?= 2

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The stamps remember what has been installed, so that a second start does not ask the registry.
$(BIN)/installed-run: .ci/run-requirements.txt pyproject.toml
	@echo "installing what runs into .venv: half a minute, about 270 MB"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r .ci/run-requirements.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(BIN)/installed-test: $(BIN)/installed-run .ci/test-requirements.txt .ci/corpus-requirements.txt
	@echo "installing what tests and measures into .venv"
	@$(BIN)/python -m pip install --quiet --require-hashes -r .ci/test-requirements.txt
	@$(BIN)/python -m pip download --quiet --no-deps --no-binary :all: --no-build-isolation \
		--require-hashes -r .ci/corpus-requirements.txt --dest .venv/corpus
	@touch $@

install: $(BIN)/installed-run ## Install what runs, exactly as pinned, into .venv

install-test: $(BIN)/installed-test ## Install what tests and measures as well

compile: install-test ## Compile what is on the way of a hit (C compiler, Python's headers); once for each version
	$(BIN)/python -m edge.compiling

run: install ## Start everything on this machine; MUSIC=folder takes in your music
	@exec $(BIN)/attacca up --port $(PORT) $(if $(MUSIC),--music "$(MUSIC)",--demo)

# Hundreds of processes are started: each would compile all that it imports if none kept it.
test: export PYTHONDONTWRITEBYTECODE =
test: install-test ## All tests; T=edge/tests narrows them
ifeq ($(strip $(T)),)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(JOBS) --dist loadfile
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
else
	$(BIN)/python -m pytest $(T)
endif

check: lint types contracts test ## All that must hold before a change lands

bench: install-test ## Time the hot paths on this machine
	$(BIN)/python -m benchmarks

bench-peers: install-test ## CPU of a hit beside nginx, Varnish, Traffic Server (apt-get as root); ARGS="--only memory"
	$(BIN)/python -m loadtest.peers.install
	-$(BIN)/python -m edge.compiling
	$(BIN)/python -m benchmarks.hits $(ARGS)

bench-streams: install-test ## Thousands of paced listeners, ours and nginx's (apt-get as root); ARGS="--only tls"
	$(BIN)/python -m loadtest.peers.install
	-$(BIN)/python -m edge.compiling
	$(BIN)/python -m benchmarks.streams $(ARGS)

bench-behaviours: install-test ## What those and Squid do when it matters: collapsing, failures, ranges (apt-get as root)
	$(BIN)/python -m loadtest.peers.install
	$(BIN)/python -m loadtest.behaviours --peer all

# libcachesim is under the GPL: a tool of the laboratory, which nothing here needs in order to run.
# Of what it asks for, it only uses numpy.
$(BIN)/installed-peers: $(BIN)/installed-test benchmarks/requirements-peers.txt
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps \
		-r benchmarks/requirements-peers.txt
	@touch $@

bench-policies: $(BIN)/installed-peers ## Hit ratios of the eviction policies, beside libcachesim's
	$(BIN)/python -m benchmarks policies

lint: install-test ## Format and lint rules
	$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: install-test ## mypy, strict
	$(BIN)/mypy

contracts: install-test ## Who may import whom
	$(BIN)/lint-imports

format: install-test ## Rewrite the code in the one format
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

verify-music: install-test ## Proof: real music keeps its exact length, FLAC bit by bit
	$(BIN)/python -m loadtest.verify_music

verify-kills: install-test ## Proof: 20 kills during an ingest leave nothing wrong behind
	$(BIN)/python -m loadtest.verify_kills

# The file is npm's own note of what it has installed.
loadtest/players/node_modules/.package-lock.json: loadtest/players/package-lock.json
	cd loadtest/players && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

verify-players: install-test loadtest/players/node_modules/.package-lock.json ## Proof: browsers' players play it (npm, Chromium)
	$(BIN)/python -m loadtest.verify_players

verify-lanes: install-test ## Proof: nobody can tell an edge's fast lane from its ordinary road; REQUESTS=10000 is shorter
	-$(BIN)/python -m edge.compiling
	$(BIN)/python -m loadtest.verify_lanes --requests $(REQUESTS)

verify-lengths: install-test ## Proof: exact lengths of several kinds of music (fluidsynth, espeak-ng, Chromium)
	$(BIN)/python -m loadtest.verify_lengths

verify-formats: install-test loadtest/players/node_modules/.package-lock.json ## Proof: other tools accept every file and manifest (npm)
	$(BIN)/python -m loadtest.verify_formats

verify-intake: install-test ## Proof: 1000 masters through the ingest API, killed 20 times
	$(BIN)/python -m loadtest.verify_intake

verify-s3: install-test ## Proof: a library on S3 survives crashes of the store and of an origin (nginx)
	$(BIN)/python -m loadtest.verify_s3

verify-long: install-test ## Proof: three hours are packaged in bounded memory
	$(BIN)/python -m loadtest.verify_long

verify-fronts: install-test ## Proof: the shipped files for Caddy, nginx and HAProxy (caddy, nginx, haproxy, curl, nghttp2-client, Chromium)
	$(BIN)/python -m loadtest.verify_fronts

verify-loop: install-test ## Proof: nothing on the edge's event loop waits, whatever it does
	$(BIN)/python -m loadtest.verify_loop

verify-restarts: install-test ## Proof: reloads, upgrades and ends of workers lose no request
	-$(BIN)/python -m edge.compiling
	$(BIN)/python -m loadtest.verify_restarts

verify-twice: install-test ## Proof: two clean checkouts package to the same bytes
	$(BIN)/python -m loadtest.verify_twice

# The file is npm's own note of what it has installed.
loadtest/conformance/node_modules/.package-lock.json: loadtest/conformance/package-lock.json
	cd loadtest/conformance && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

verify-conformance: install-test loadtest/conformance/node_modules/.package-lock.json ## Proof: the public suite of HTTP caches (npm); PEER=nginx runs another
	$(BIN)/python -m loadtest.verify_conformance --peer $(PEER)

verify-cache: install-test ## Proof: the edge serves no wrong byte, whatever happens; MINUTES=1 is shorter
	$(BIN)/python -m loadtest.verify_cache --minutes $(MINUTES)

verify-pop: install-test ## Proof: three nodes are one cache, killed, cut off, joined again (root, iproute2)
	-$(BIN)/python -m edge.compiling
	$(BIN)/python -m loadtest.verify_pop

lock: ## Pin the dependencies of pyproject.toml anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
		--python-version 3.11 -o .ci/run-requirements.txt pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
		--python-version 3.11 -c .ci/run-requirements.txt --group dev \
		-o .ci/test-requirements.txt pyproject.toml
