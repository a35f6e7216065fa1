# SPDX-License-Identifier: Apache-2.0
"""Which way imports point, how long things get, and what loading the package costs the host."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository import PACKAGE, ROOT, files, imports, modules, python_files, runtime_imports, target

MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 60
MAX_CORE_FUNCTION_LINES = 50
MAX_CORE_PARAMETERS = 6
TOO_LONG = {("core.dialect.program", "read_with_rules")}
TOO_MANY_PARAMETERS = {("core.dialect.program", "__init__"), ("core.pricing.rates", "__init__")}
"""Functions of the core above the limits: these lists only ever get shorter."""
LIBRARIES = ("otel", "capture", "control", "store", "reports", "bills", "config", "diagnose")
LEVEL = {"core": 0, **dict.fromkeys(LIBRARIES, 1), **dict.fromkeys(("run", "cli", "web"), 2)}
CROSSINGS = {
    # Zero code inside `spancost run`: the instrumentor adds what copies the spans.
    (f"{PACKAGE}.otel.instrumentor", "run"),
    # The tables that the demo prints.
    (f"{PACKAGE}.cli.run_page", "demo"),
}
"""Module and room of the imports that go against the arrows."""
CORE = f"{PACKAGE}.core"
FILES_AND_CLOCKS = ("os", "io", "pathlib", "tempfile", "time", "random")
NETWORK_AND_LOGS = ("socket", "ssl", "urllib.request", "http", "logging", "subprocess")
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "now", "utcnow", "today"}
ENTRY_LAYERS = (f"{PACKAGE}.cli", f"{PACKAGE}.demo")
HEAVY = (
    "pydantic",
    "httpx",
    "httpx2",
    "click",
    "rich",
    "requests",
    "grpc",
    "ruamel",
    "opentelemetry.exporter",
    "yaml",
    "openai",
    "anthropic",
)


def source_files() -> list[Path]:
    """Return the files of Python and of Go."""
    return [*python_files(), *(path for path in files() if path.suffix == ".go")]


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@pytest.mark.parametrize("name", sorted(name for name in modules() if within(name, CORE)))
def test_the_core_imports_the_standard_library_and_itself_only(name: str) -> None:
    """No clock, environment, file, network, logging, OpenTelemetry or pydantic in `core/`."""
    for module, _ in imports(modules()[name]):
        top = module.split(".")[0]
        assert within(module, CORE) or top in sys.stdlib_module_names, f"{name} imports {module}"
        impure = [reached for reached in FILES_AND_CLOCKS + NETWORK_AND_LOGS if within(module, reached)]
        assert not impure, f"{name} imports {module}: the core is pure"


@pytest.mark.parametrize("name", sorted(name for name in modules() if within(name, CORE)))
def test_the_core_calls_nothing_impure(name: str) -> None:
    """Files, the console and the clock are reached through calls as well as imports."""
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert called not in IMPURE_CALLS, f"{name}:{node.lineno} calls {called}"


def test_no_module_imports_itself_round_a_circle() -> None:
    """An import cycle, even one hidden in a function, means that two modules are one idea."""
    graph = {
        name: {found for module, item in runtime_imports(tree) if (found := target(module, item)) and found != name}
        for name, tree in modules().items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for following in sorted(graph[name]):
                visit(following, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_the_folders_of_the_core_point_one_way() -> None:
    """Prices know nothing of spans or wires, contracts know prices, and the ledger stands on top but for wires."""
    below = {
        "pricing": set(),
        "dialect": set(),
        "wire": set(),
        "contract": {"pricing"},
        "ledger": {"pricing", "dialect"},
        "budget": set(),
    }
    for name, tree in modules().items():
        parts = name.split(".")
        if parts[:2] != [PACKAGE, "core"] or len(parts) < 3:
            continue
        here = parts[2]
        for module, item in imports(tree):
            there = (target(module, item) or "").split(".")
            if there[:2] == [PACKAGE, "core"] and len(there) > 3 and there[2] != here:
                assert there[2] in below.get(here, set()), f"{name} reaches {'.'.join(there)}"


def test_only_commands_and_the_demo_use_commands_the_demo_and_the_test_servers() -> None:
    """The library does not depend on its own command line."""
    private = (*ENTRY_LAYERS, f"{PACKAGE}.testing")
    for name, tree in modules().items():
        if any(within(name, package) for package in private):
            continue
        for module, item in imports(tree):
            reached = target(module, item)
            assert reached is None or not any(within(reached, package) for package in private), (
                f"{name} imports {reached}"
            )


def room(module: str) -> str:
    """Return the folder of *module* in the package, "" for the package itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 else ""


def test_rooms_point_one_way() -> None:
    """core <- libraries <- entry points; nothing but `cli.demo` imports `demo` or `testing`."""
    for name, tree in modules().items():
        here = room(name)
        for module, item in imports(tree):
            reached = target(module, item)
            there = room(reached or "")
            if reached is None or there in ("", here) or (name, there) in CROSSINGS:
                continue
            if here in ("demo", "testing") or name == f"{PACKAGE}.cli.demo":
                continue
            assert there not in ("demo", "testing"), f"{name} imports {reached}"
            assert LEVEL[there] <= LEVEL.get(here, 3), f"{name} imports {reached}"


def test_control_sees_of_the_core_records_only() -> None:
    """What acts on calls reads records; it never prices, reads spans or counts."""
    allowed = tuple(f"{CORE}.{part}" for part in ("record", "analysis", "money", "budget", "semconv"))
    for name, tree in modules().items():
        if room(name) not in ("control", "reports", "bills"):
            continue
        for module, item in imports(tree):
            reached = target(module, item)
            if reached is not None and within(reached, CORE):
                assert any(within(reached, part) for part in allowed), f"{name} imports {reached}"


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_one_module_uses_the_sdk_of_a_provider(sdk: str) -> None:
    """It is loaded by name when a bill is fetched; the demo and the test servers have their own uses."""
    found = {
        name
        for name, tree in modules().items()
        if room(name) not in ("demo", "testing") and any(within(module, sdk) for module, _ in runtime_imports(tree))
    }
    module = f"{PACKAGE}.bills.fetch_{sdk}"
    assert found == {module}
    for name, tree in modules().items():
        assert module not in {target(*each) for each in imports(tree)}, f"{name} imports {module}"


def test_one_module_uses_private_names_of_opentelemetry() -> None:
    """They change without notice; `sdk_access` says what happens when they are gone."""
    own = re.compile(r"_replace|_asdict|_fields|_make|_spancost_\w+")
    for name, tree in modules().items():
        if room(name) not in ("otel", "run", "diagnose") or name.endswith(".sdk_access"):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.endswith("__"):
                continue
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            assert is_own or own.fullmatch(node.attr), f"{name}:{node.lineno} uses {ast.unparse(node)}"


def test_no_module_uses_a_private_name_of_another_package() -> None:
    """A name with a leading underscore belongs to the module that defines it."""
    for name, tree in modules().items():
        for module, item in imports(tree):
            if within(module, PACKAGE):
                assert item is None or not item.startswith("_") or item.startswith("__"), (
                    f"{name} imports {module}.{item}"
                )
                private = [part for part in module.split(".") if part.startswith("_")]
                assert not private, f"{name} imports {module}"


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_one_idea(path: Path) -> None:
    """At most 350 lines a file."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_FILE_LINES, f"found {lines} lines, expected at most {MAX_FILE_LINES}"


@pytest.mark.parametrize("name", sorted(modules()))
def test_a_function_fits_on_a_screen(name: str) -> None:
    """At most 60 lines a function, its docstring included; in the core 50 lines and 6 parameters."""
    is_core = within(name, CORE)
    short = name.removeprefix(f"{PACKAGE}.")
    for node in ast.walk(modules()[name]):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        strict = is_core and (short, node.name) not in TOO_LONG
        most = MAX_CORE_FUNCTION_LINES if strict else MAX_FUNCTION_LINES
        assert lines <= most, f"{node.name} has {lines} lines, expected at most {most}"
        arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        number = sum(each.arg not in ("self", "cls") for each in arguments)
        if is_core and (short, node.name) not in TOO_MANY_PARAMETERS:
            assert number <= MAX_CORE_PARAMETERS, f"{node.name} has {number} parameters"


@pytest.mark.parametrize("name", sorted(modules()))
def test_every_module_says_what_it_is(name: str) -> None:
    """A module and each of its public functions and classes has a docstring."""
    tree = modules()[name]
    assert not tree.body or ast.get_docstring(tree), f"{name} has no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node) or is_overload(node), f"{name}.{node.name} has no docstring"


def is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any("overload" in ast.unparse(decorator) for decorator in node.decorator_list)


def test_every_source_file_names_its_licence() -> None:
    """The SPDX line is among the first three lines (after `#!`, a mark or a build tag); mdatagen's files have none."""
    sources = [path for path in files() if path.suffix in {".py", ".go", ".mk", ".sh"} and path.stat().st_size]
    sources = [path for path in sources if not path.name.startswith("generated_")]
    for path in [*sources, ROOT / "Makefile"]:
        head = path.read_text(encoding="utf-8").splitlines()[:3]
        assert any("SPDX-License-Identifier: Apache-2.0" in line for line in head), path.relative_to(ROOT)


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import spancost` leaves validation, HTTP clients, exporters and the command line for when they are used."""
    loaded = loaded_by("import spancost")
    assert PACKAGE in loaded
    assert not {name for name in loaded if any(within(name, heavy) for heavy in HEAVY)}


def test_making_a_processor_loads_nothing_heavy() -> None:
    """A processor with default settings needs neither pydantic nor an HTTP client nor an exporter."""
    loaded = loaded_by("import spancost; spancost.LLMCostProcessor()")
    assert f"{PACKAGE}.otel.processor" in loaded
    assert not {name for name in loaded if any(within(name, heavy) for heavy in HEAVY)}


def test_the_core_loads_without_opentelemetry() -> None:
    """What prices a call works where OpenTelemetry is not installed."""
    names = ", ".join(sorted(name for name in modules() if within(name, CORE)))
    assert not {name for name in loaded_by(f"import {names}") if within(name, "opentelemetry")}
