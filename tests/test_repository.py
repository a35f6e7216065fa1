# SPDX-License-Identifier: Apache-2.0
"""The repository agrees with itself: generated files, links, pins, and words that do not belong in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.repository import ROOT, files
from tools import generate_docs, generate_semconv

GENERATED = {**generate_semconv.TARGETS, **generate_docs.TARGETS}
TEXT = {".py", ".go", ".md", ".yaml", ".yml", ".toml", ".mk", ".sh", ".txt", ".in", ".cfg", ".json", ".jsonl", ""}
DATA = {".json", ".jsonl"}
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
# Joined here so that this file does not hold them.
MACHINE_PATHS = tuple("".join(parts) for parts in (("/wo", "rk/"), ("/tm", "p/"), ("/ro", "ot/"), ("/ho", "me/")))
REGISTRY_HOSTS = tuple(
    "".join(parts)
    for parts in (
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("registry.npmjs", ".org"),
        ("proxy.golang", ".org"),
        ("deb.debian", ".org"),
    )
)
LEFT_OPEN = tuple("".join(parts) for parts in (("TO", "DO"), ("FIX", "ME"), ("X", "XX")))
LOCKS = {"go.sum"}
# Words that are not terms of the field, joined here so that this file does not hold them.
BANNED = tuple(
    "".join(parts)
    for parts in (
        (r"mou", r"lds?"),
        (r"po", r"ur(?:ed|ing)?"),
        (r"home", r"less"),
        (r"un", r"told"),
        (r"like", r"ness"),
        (r"spelled", r" out"),
        (r"dear", r"(?:er|est)"),
        (r"no cost can", r" be said"),
        (r"be", r"neath"),
        (r"blan", r"ks"),
        (r"short", r" way"),
        (r"long", r" way"),
        (r"the", r" road"),
        (r"whose", r" words"),
        (r"what", r" lacks"),
        (r"truth", r" value"),
        (r"sel", r"lers?"),
    )
)
# Former names that stay readable: keys of compiled cards and contracts, aliases of options and settings.
FORMER_NAME = re.compile(
    r"FORMER|former_name|SPANCOST_CAPTURE_SELLERS|capture_sellers|sellers=|--seller|[`\"']sellers?[`\"']"
)
# Files that keep former names to show that they stay readable.
FORMER_FILES = (
    "tests/vectors/card/",
    "tests/vectors/contract/",
    "tests/vectors/contract_written/",
    "tests/capture/test_settings.py",
    "collector/cost/pricing/card.go",
    "collector/cost/pricing/names.go",
)
# Written by `make bench` and `make live-table`.
MEASURED = {"docs/live.md", "docs/performance.md"}


def texts() -> list[tuple[Path, str]]:
    """Return the path and the text of every text file of the project."""
    paths = [path for path in files() if path.suffix in TEXT and path.name not in LOCKS]
    return [(path.relative_to(ROOT), path.read_text(encoding="utf-8")) for path in paths]


@pytest.mark.parametrize("word", [*MACHINE_PATHS, *REGISTRY_HOSTS])
def test_no_file_names_a_machine_path_or_a_registry(word: str) -> None:
    """The project works wherever it is checked out and whichever mirror it installs from."""
    assert [str(path) for path, text in texts() if word in text] == []


@pytest.mark.parametrize("word", LEFT_OPEN)
def test_no_code_is_marked_as_unfinished(word: str) -> None:
    """What is left to do is written in an issue, not in the code."""
    marked = re.compile(rf"\b{word}\b")
    assert [str(path) for path, text in texts() if path.suffix not in DATA and marked.search(text)] == []


@pytest.mark.parametrize("word", BANNED)
def test_code_and_pages_use_the_terms_of_the_field(word: str) -> None:
    """A reader who knows OpenTelemetry understands every page and comment; no word is private to this project."""
    banned = re.compile(rf"\b{word}\b", re.IGNORECASE)
    found = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path, text in texts()
        if not path.as_posix().startswith(FORMER_FILES) and path.as_posix() not in MEASURED
        if banned.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if banned.search(line) and not FORMER_NAME.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_generated_files_equal_a_fresh_generation(path: Path) -> None:
    """The registry in `semconv/registry` is the one source of attribute names, and the code the one of reasons."""
    assert path.read_text(encoding="utf-8") == GENERATED[path]()


def test_every_attribute_name_in_the_package_is_in_the_registry() -> None:
    """Code writes no `llm.*` attribute the registry does not define; what it only reads lives in data."""
    keys = {attribute.key for group in generate_semconv.load() for attribute in group.attributes}
    constants = {attribute.constant for group in generate_semconv.load() for attribute in group.attributes}
    literal = re.compile(r'"(app\.[a-z_]+)"')
    for path, text in texts():
        if path.parts[:2] == ("src", "spancost") and path.suffix == ".py":
            assert set(literal.findall(text)) <= keys, path
            used = set(re.findall(r"\bsemconv\.((?:LLM|APP)_[A-Z_]+)\b", text))
            assert used <= constants, path


def test_the_names_that_go_writes_are_those_of_the_registry() -> None:
    """Both languages write every attribute of a call, of the spans above it and of a root, under the same names."""
    groups = {group.id: {attribute.key for attribute in group.attributes} for group in generate_semconv.load()}
    source = (ROOT / "collector" / "cost" / "semconv.go").read_text(encoding="utf-8")
    named = set(re.findall(r'= +"((?:llm|app)\.[a-z_]+)"', source))
    assert groups["llm.call"] | groups["llm.subtree"] | groups["llm.trace"] <= named
    assert named <= set().union(*groups.values())


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link in a Markdown page names a file that exists."""
    for path, text in texts():
        if path.suffix == ".md":
            for link in LINK.findall(text):
                if "://" not in link and not link.startswith("mailto:"):
                    assert (ROOT / path.parent / link).exists(), f"{path} links to {link}"


def test_paths_in_the_architecture_exist() -> None:
    """The map of the project names what is there."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|pricing|semconv|tests|tools|core)/[\w./-]*)`", page)
    assert named
    missing = [path for path in named if not ((ROOT / path).exists() or (ROOT / "src" / "spancost" / path).exists())]
    assert missing == []


def test_every_page_is_in_the_index() -> None:
    """docs/index.md leads to every page of docs/."""
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / link).resolve() for link in LINK.findall(index)}
    pages = {path for path in files() if path.suffix == ".md" and path.is_relative_to(ROOT / "docs")}
    assert {path.name for path in pages - linked} <= {"index.md"}


def test_every_development_requirement_is_pinned() -> None:
    """requirements/*.txt hold exact versions and no addresses."""
    locks = [path for path in files() if path.parent == ROOT / "requirements" and path.suffix == ".txt"]
    assert locks
    for path in locks:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert "://" not in line, f"{path.name}: {line}"
            if line and not line.lstrip().startswith("#"):
                assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==[0-9][^ ]*( ; .+)?$", line), f"{path.name}: {line}"


def test_the_lock_holds_everything_that_is_asked_for() -> None:
    """`make lock` was run after a requirement was added to requirements/dev.in or pyproject.toml."""
    asked = re.findall(r"^([a-z][a-z0-9.-]+)$", (ROOT / "requirements" / "dev.in").read_text(encoding="utf-8"), re.M)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    asked += re.findall(r'^    "([a-z0-9-]+)>=', project, re.M)
    lock = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9.-]+)==", lock, re.M))
    assert {name.replace(".", "-") for name in asked} - {name.replace(".", "-") for name in locked} == set()


def test_every_make_target_with_a_help_text_exists_once() -> None:
    """Two files that define the same target would silently shadow one another."""
    makefiles = [ROOT / "Makefile", *sorted((ROOT / "make").glob("*.mk"))]
    targets = [
        name for path in makefiles for name in re.findall(r"^([a-z][a-z-]+):", path.read_text(encoding="utf-8"), re.M)
    ]
    assert sorted(targets) == sorted(set(targets))
    assert {"install", "demo", "test", "check", "fix"} <= set(targets)


def test_make_help_lists_the_targets_of_users_first() -> None:
    """Every target with a help text is in a titled group, and `demo`, `test`, `install` open the list."""
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if line]
    assert not lines[0].startswith(" ")
    assert [line.split()[1] for line in lines if line.startswith("  make ")][:3] == ["demo", "test", "install"]
    assert "Check a change" in lines
