# SPDX-License-Identifier: Apache-2.0
"""What the tests of the repository itself look at: its files and its modules' imports."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
PACKAGE = "spancost"


@cache
def files() -> tuple[Path, ...]:
    """Return every file of the project: those git tracks or would add, or all when there is no git (an sdist)."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts)]
    return tuple(sorted(path for path in set(paths) if path.is_file()))


def python_files() -> list[Path]:
    return [path for path in files() if path.suffix == ".py"]


@cache
def modules() -> Mapping[str, ast.Module]:
    """Return the syntax tree of every module of the package, by its dotted name."""
    return {_dotted(path): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}


def _dotted(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name or None) of every import anywhere in *tree*, those inside functions and type checks too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}; the package imports by full name"
            yield from ((node.module or "", alias.name) for alias in node.names)


def runtime_imports(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """Yield the imports of *tree* that happen when the module is loaded or used, so not those for types only."""
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    body = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and id(node) not in typing_only]
    plain = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    yield from imports(ast.Module(body=list(plain), type_ignores=[]))


def target(module: str, name: str | None) -> str | None:
    """Return which module of the package an import reaches, None when it reaches outside."""
    known = modules()
    if name is not None and f"{module}.{name}" in known:
        return f"{module}.{name}"
    return module if module in known else None
