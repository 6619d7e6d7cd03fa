# Everything is installed by these targets: `make demo` and `make test` work on a fresh Debian 12.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c

VENV := .venv
BIN := $(VENV)/bin
# The distribution's, which the hosts run too; one that a version manager built is up to half as fast.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
SITE ?= inventories/three_hosts
LAB ?= mailfleet
HOST ?= dolores
SECONDS ?= 600
ROUNDS ?= 5
MESSAGES ?= 1500
SCENARIOS := $(notdir $(patsubst %/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))
STAMPS := .cache/stamps
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)/molecule
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Each of the tests' many commands would compile the whole engine anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z][a-z%-]*:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- what is needed -------------------------------------------------------------------------

$(STAMPS)/packages: molecule/lab/controller_packages.txt
	@mkdir -p $(@D)
	missing=$$(sed 's/#.*//' $< | xargs -n1 | while read -r p; do
	  dpkg-query -W -f='$${Status}' "$$p" 2>/dev/null | grep -q 'ok installed' || echo "$$p"; done)
	if [ -n "$$missing" ]; then
	  echo "== installing system packages: $$(echo $$missing)"
	  $(SUDO) apt-get update -qq
	  # Tests start programs of their own: where systemd runs, Debian would start these services.
	  keep_off=$$([ ! -d /run/systemd/system ] || grep -xE 'rspamd|redis-server|nginx-light|prometheus' <<<"$$missing" | sed s/-light// || true)
	  for service in $$keep_off; do $(SUDO) systemctl mask -q $$service.service; done
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null
	  for service in $$keep_off; do
	    $(SUDO) systemctl unmask -q $$service.service; $(SUDO) systemctl disable -q $$service.service; done
	fi
	touch $@

$(STAMPS)/venv: pyproject.toml constraints.txt $(STAMPS)/packages
	@mkdir -p $(@D)
	echo "== building the virtual environment in $(VENV)"
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e '.[fleet,test,lint]'
	touch $@

.PHONY: setup
setup: $(STAMPS)/venv ## Install system packages and the virtual environment

.PHONY: wheelhouse
wheelhouse: setup ## Build the engine's wheel and collect its dependencies for offline hosts
	@$(BIN)/python roles/filter_engine/scripts/build_wheelhouse.py

# --- the demo and the lab ---------------------------------------------------------------------

.PHONY: demo
demo: setup ## Boot the lab, roll the site out, send the demo mails, print what became of them
	@$(BIN)/python -m demo --lab $(LAB) --site $(SITE)

# Made before a scenario enters the lab's network, from where no package can be fetched.
.PHONY: lab-image
lab-image: setup
	@$(BIN)/python -m lab image >/dev/null

.PHONY: lab-up
lab-up: setup ## Boot the lab for SITE (default inventories/three_hosts)
	@$(BIN)/python -m lab up --name $(LAB) --site $(SITE)

.PHONY: lab-down
lab-down: setup ## Remove every trace of the lab (FORCE=1: also one that another checkout made)
	@$(BIN)/python -m lab down --name $(LAB) $(if $(FORCE),--force)

.PHONY: lab-shell
lab-shell: setup ## Open a shell on HOST (default dolores)
	@$(BIN)/python -m lab shell --name $(LAB) $(HOST)

.PHONY: lab-status
lab-status: setup ## Show the lab's hosts
	@$(BIN)/python -m lab status --name $(LAB)

.PHONY: lab-site
lab-site: setup wheelhouse ## Run playbooks/site.yml of the running lab's site
	@inventory=$$($(BIN)/python -m lab inventory --name $(LAB))
	site=$$($(BIN)/python -c 'import sys; from lab.lab import Lab; print(Lab(sys.argv[1]).record.site)' $(LAB))
	$(BIN)/python -m lab exec --name $(LAB) -- $(BIN)/ansible-playbook -i "$$site" -i "$$inventory" playbooks/site.yml

# --- tests ------------------------------------------------------------------------------------

.PHONY: test
test: lint types docs-lint test-unit test-webui test-conformance test-lab molecule ## Every gate and test

.PHONY: lint
lint: setup ## ruff, yamllint, ansible-lint (production, offline), role interfaces
	@echo "== lint"
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/yamllint -s .
	$(BIN)/ansible-lint --offline --profile production -q
	$(BIN)/python -m pytest -q -n 2 tests/fleet/roles

.PHONY: types
types: setup ## mypy --strict on the engine, the plugins and the lab
	@echo "== types"
	$(BIN)/mypy
	MYPYPATH=collections $(BIN)/mypy -p ansible_collections.mailfleet.filter
	MYPYPATH=molecule $(BIN)/mypy -p lab -p demo -p mailflow
	$(BIN)/mypy roles/filter_engine/scripts/build_wheelhouse.py

.PHONY: docs-lint
docs-lint: setup ## The collection's documentation and the links in docs/
	@echo "== documentation"
	cd collections/ansible_collections/mailfleet/filter
	ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/collections $(CURDIR)/$(BIN)/antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .
	cd $(CURDIR); $(BIN)/python -m pytest -q tests/fleet/docs tests/fleet/monitoring

.PHONY: test-unit
test-unit: setup ## The fast part: unit tests
	@echo "== unit tests"
	$(BIN)/python -m pytest -q -n 2 tests/unit tests/fleet/lab --ignore-glob='*test_live_*'

.PHONY: test-webui
test-webui: setup ## The WebUI's pages, and Rspamd's, in a headless Chromium; screenshots in .cache/webui
	@echo "== pages"
	$(BIN)/python -m pytest -q tests/webui

.PHONY: test-conformance
test-conformance: setup ## Tests nobody here wrote (from CONFORMANCE_DIR, default ../shared/conformance)
	@echo "== conformance tests"
	data=$${CONFORMANCE_DIR:-../shared/conformance}
	[ -d "$$data" ] || echo "!! no conformance data in $$data: its tests are skipped (set CONFORMANCE_DIR)"
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup tests/conformance tests/oracle

.PHONY: oracle
oracle: setup ## Compare with Rspamd's replies (from ORACLE_DIR, default ../shared/rspamd); LIVE=1: ask Rspamd itself
	@PYTHONPATH=tests $(BIN)/python -m oracle $(if $(LIVE),--live)

.PHONY: test-lab
test-lab: setup ## The lab itself: no packet leaves, up and down leave no trace
	@echo "== the lab"
	$(SUDO) $(BIN)/python -m pytest -q tests/fleet/lab -k test_live

.PHONY: molecule
molecule: $(SCENARIOS:%=molecule-%) ## Every Molecule scenario

# One part of scenario fleet by itself, on a lab of its own (KEEP=1: leave it up; again: on that one).
FLEET_PARTS := replication failover training limits webui
.PHONY: $(FLEET_PARTS:%=molecule-%)
$(FLEET_PARTS:%=molecule-%): molecule-%: setup wheelhouse lab-image
	@echo "== scenario $*, on the hosts of fleet"
	molecule="$(BIN)/molecule -c molecule/shared/base.yml"
	$(BIN)/python -m lab exec --name fleet -- bash -euo pipefail -c "
	  trap '[ -n \"$(KEEP)\" ] || $$molecule destroy -s fleet' EXIT
	  $$molecule converge -s fleet
	  PYTEST_ADDOPTS='-s -k test_$*' $$molecule verify -s fleet"

.PHONY: molecule-%
molecule-%: setup wheelhouse lab-image ## One scenario, or one part of fleet: webui replication failover training limits (KEEP=1: its lab stays)
	@echo "== scenario $*"
	$(BIN)/python -m lab exec --name $* -- $(BIN)/molecule -c molecule/shared/base.yml test -s $*

.PHONY: format
format: setup ## Format the code
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix .

.PHONY: role-docs
role-docs: setup ## Write roles/*/README.md from their argument_specs
	@$(BIN)/python tests/fleet/roles/interface.py

.PHONY: reference
reference: role-docs ## Write what is generated: role READMEs, docs/lint.md, docs/options.md
	@$(BIN)/python tests/fleet/docs/lint_docs.py
	$(BIN)/python tests/fleet/docs/option_docs.py

.PHONY: man
man: setup ## Write the manual pages and shells' completion, as role filter_engine installs them, below .cache/share
	@$(BIN)/filter-engine manual --install .cache/share

.PHONY: fuzz
fuzz: setup ## Fuzz the parsers of configuration and messages for SECONDS each (default 600)
	@$(BIN)/python tests/fuzz/ucl/fuzz.py --seconds $(SECONDS)
	@$(BIN)/python tests/fuzz/message/fuzz.py --seconds $(SECONDS)

.PHONY: bench-bayes
bench-bayes: setup ## Bayes beside Rspamd's: both learn half of a corpus (CORPUS_DIR, default ../shared/corpus) and judge the rest
	PYTHONPATH=tests:tests/support $(BIN)/python -m oracle.bayes

.PHONY: bench-remembered
bench-remembered: setup ## CPU time of a message for what is remembered, beside Rspamd: workers with Bayes, greylisting, limits, history and workers without
	PYTHONPATH=tests $(BIN)/python -m bench.remembered

.PHONY: bench-instructions
bench-instructions: setup ## Instructions a message by callgrind: tells two versions apart on a busy machine
	PYTHONPATH=tests $(BIN)/python -m bench.instructions

.PHONY: bench-auth
bench-auth: setup ## CPU time of signing, sealing and verifying, beside pure dkimpy
	PYTHONPATH=tests:tests/support $(BIN)/python -m bench.authentication

.PHONY: bench
bench: setup ## Engine and Rspamd side by side (ROUNDS=5 MESSAGES=1500, PROFILE=1, QUICK=1, REDIS=0, PAGE=1: into docs/)
	@$(BIN)/pip install -q -c constraints.txt -e '.[bench]' || echo "!! no matplotlib: no plot"
	PYTHONPATH=tests $(BIN)/python -m bench --rounds $(ROUNDS) --messages $(MESSAGES) $(if $(PROFILE),--profile) \
	  $(if $(QUICK),--quick) $(if $(filter 0,$(REDIS)),--no-redis) $(if $(PAGE),--page)

.PHONY: clean
clean: ## Remove caches and the virtual environment (not the lab's image)
	rm -rf $(VENV) $(STAMPS) .cache/wheelhouse .mypy_cache .ruff_cache .pytest_cache
