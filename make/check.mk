# SPDX-License-Identifier: Apache-2.0
# Checks that a change must pass besides the tests.

##@ Check a change

.PHONY: check format lint types generated data docs wheel fix lock
check: format lint types generated data docs wheel ## Check format, lint, types, generated files, data, docs and wheel

format: install
	@$(BIN)/ruff format --check .

lint: install
	@$(BIN)/ruff check .

types: install
	@$(BIN)/mypy

generated: install
	@$(BIN)/python -m tools.generate_semconv --check
	@$(BIN)/python -m tools.generate_docs --check
	@$(BIN)/python -m tools.dashboards --check

data: install
	@$(BIN)/python tools/compile_card.py --check
	@$(BIN)/python tools/compile_dialects.py --check
	@$(BIN)/python tools/compile_wires.py --check
	@$(BIN)/python tools/compile_whatif.py --check
	@$(BIN)/python tools/compile_bills.py --check

docs: install
	@$(BIN)/python -m pytest -q -n $(WORKERS) tests/test_repository.py tests/test_contributing.py tests/test_examples.py \
		tests/core/test_facts_of_card.py tests/demo/test_demo.py

wheel: install
	@$(BIN)/python -m pytest -q tests/test_wheel.py

fix: install ## Fix format and lint, and regenerate files
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/python -m tools.generate_semconv
	@$(BIN)/python tools/compile_card.py
	@$(BIN)/python tools/compile_dialects.py
	@$(BIN)/python tools/compile_wires.py
	@$(BIN)/python tools/compile_whatif.py
	@$(BIN)/python tools/compile_bills.py
	@$(BIN)/python -m tools.generate_docs
	@$(BIN)/python -m tools.dashboards

lock: $(VENV)/bin/uv ## Resolve requirements/dev.in and pyproject.toml into requirements/dev.txt
	@$(UV) pip compile --universal --python-version 3.10 --no-header --no-emit-index-url $(ARGS) \
		requirements/dev.in pyproject.toml --extra reports --extra clickhouse --extra valkey --extra redis --output-file requirements/dev.txt

WHEELS := dist-compiled
# The build hook moves pyproject.toml while it works and knows one source folder: it works on a copy that is laid out so.
.PHONY: wheel-compiled test-compiled
wheel-compiled: install ## Build a wheel whose core is compiled by mypyc, for this machine and Python (needs a C compiler)
	@rm -rf $(WHEELS) && mkdir -p $(WHEELS)/tree/src/spancost/_data
	@git ls-files -z -- src pyproject.toml README.md LICENSE | xargs -0 tar -cf - | tar -xf - -C $(WHEELS)/tree
	@git ls-files -z -- pricing/compiled pricing/released semconv/compiled billing/compiled \
		| xargs -0 tar -cf - | tar -xf - -C $(WHEELS)/tree/src/spancost/_data
	@sed -i.bak -e '/^"pricing" = /d' -e '/^"semconv" = /d' -e '/^"billing" = /d' -e 's/^only-include = .*/only-include = ["src\/spancost"]/' \
		$(WHEELS)/tree/pyproject.toml
	@HATCH_BUILD_HOOK_ENABLE_MYPYC=1 $(UV) build --wheel --out-dir $(CURDIR)/$(WHEELS) $(WHEELS)/tree

test-compiled: wheel-compiled ## Run the vectors and properties on the compiled core
	@$(BIN)/python -m zipfile -e $(WHEELS)/*.whl $(WHEELS)/lib
	@PYTHONPATH=$(CURDIR)/$(WHEELS)/lib $(BIN)/python -c \
		"import spancost.core.ledger.plan as m; assert not m.__file__.endswith('.py'), m.__file__"
	@PYTHONPATH=$(CURDIR)/$(WHEELS)/lib $(BIN)/python -m pytest -q -n $(WORKERS) tests/core tests/config $(ARGS)
