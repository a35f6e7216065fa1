#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the processor's tests on several versions of opentelemetry-sdk, each in a virtual environment of its own.

Names: `oldest`, `newest` (whatever is newest today, alone and under logfire), `all`, or versions.
Prints one line for each: the SDK that was installed, the strategy that works with it, and what the tests came to. The
status is 1 when one fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).parent / "uv"

OLDEST = "1.27.0"
NEWEST = "newest"
LOGFIRE = "logfire"
# 1.39: the last without the hook. 1.40: the first with it. 1.42: the last that lets attributes change after the end.
# 1.43: the first that freezes them.
VERSIONS = (OLDEST, "1.39.1", "1.40.0", "1.42.1", "1.43.0", NEWEST, LOGFIRE)
NAMES = {"all": VERSIONS, "oldest": (OLDEST,), "newest": (NEWEST, LOGFIRE)}
TESTS = (
    "tests/otel/processor",
    "tests/otel/events",
    "tests/otel/metrics",
    "tests/otel/attribution/test_attribution.py",
    "tests/otel/attribution/test_blocks.py",
    "tests/otel/attribution/test_outcome.py",
)
# Warnings are errors in our suite; what an old SDK uses that Python has deprecated since is not ours to answer for.
OPTIONS = ("-p", "no:cacheprovider", "-W", "ignore::DeprecationWarning")
# What the tests need besides the SDK. The package goes in without its dependencies: they would bring a newer SDK.
NEEDED = ("pytest==9.2.0", "pydantic>=2.7", "ruamel.yaml>=0.18", "click>=8.1")

ABOUT = (
    "from importlib.metadata import version; from spancost.otel.processor.strategy import best; "
    "print(version('opentelemetry-sdk'), best())"
)


def main() -> int:
    """Test on the SDKs that are named; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sdks", nargs="*", default=["all"], help="oldest, newest, all, or versions")
    named = parser.parse_args().sdks
    wanted = dict.fromkeys(version for name in named for version in NAMES.get(name, (name,)))
    results = [tested(version) for version in wanted]
    print("\n".join(line for _, line in results))
    return 0 if all(passed for passed, _ in results) else 1


def tested(version: str) -> tuple[bool, str]:
    """Return whether the tests pass on *version*, and pytest's summary line."""
    python = environment(version)
    about = subprocess.run([python, "-c", ABOUT], capture_output=True, text=True, cwd=ROOT)
    run = subprocess.run(
        [python, "-m", "pytest", "-q", *OPTIONS, *TESTS],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if run.returncode:
        print(run.stdout, run.stderr)
    last = run.stdout.strip().splitlines()[-1] if run.stdout.strip() else "no output"
    return run.returncode == 0, f"{version} (sdk {about.stdout.strip()}): {last}"


def environment(version: str) -> str:
    """Return the Python of an environment with *version* of the SDK, made when it is not there."""
    place = ROOT / ".venv-sdks" / version
    python = place / "bin" / "python"
    if not python.exists():
        run("venv", "--quiet", str(place), "--python", sys.executable)
    sdk = f"opentelemetry-sdk=={version}" if version[0].isdigit() else "opentelemetry-sdk"
    extra = (LOGFIRE,) if version == LOGFIRE else ()
    run("pip", "install", "--quiet", "--python", str(python), "--upgrade", sdk, *NEEDED, *extra)
    run("pip", "install", "--quiet", "--python", str(python), "--no-deps", "--editable", str(ROOT))
    return str(python)


def run(*arguments: str) -> None:
    """Run uv, which `make install` put beside this Python."""
    subprocess.run([str(UV), "--no-config", *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
