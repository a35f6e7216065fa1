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

data: install
	@$(BIN)/python tools/compile_card.py --check
	@$(BIN)/python tools/compile_dialects.py --check
	@$(BIN)/python tools/compile_wires.py --check

docs: install
	@$(BIN)/python -m pytest -q tests/test_repository.py

wheel: install
	@$(BIN)/python -m pytest -q tests/test_wheel.py

fix: install ## Fix format and lint, and regenerate files
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/python -m tools.generate_semconv
	@$(BIN)/python tools/compile_card.py
	@$(BIN)/python tools/compile_dialects.py
	@$(BIN)/python tools/compile_wires.py
	@$(BIN)/python -m tools.generate_docs

lock: $(VENV)/bin/uv ## Resolve requirements/dev.in and pyproject.toml into requirements/dev.txt
	@$(UV) pip compile --universal --python-version 3.10 --no-header --no-emit-index-url $(ARGS) \
		requirements/dev.in pyproject.toml --output-file requirements/dev.txt
