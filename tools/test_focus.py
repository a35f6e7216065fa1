# SPDX-License-Identifier: Apache-2.0
"""Check a FOCUS file with the official validator, in an environment of its own: python -m tools.test_focus.

focus-validator 2.2.1 exits 0 with failures and names them in its report only; one of its modules needs the syntax of
Python 3.12, which is changed in that environment on an older Python.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

VERSION = "2.2.1"
KNOWN = {"InvoiceId-C-005-C"}
"""Asks for InvoiceId in every row; before an invoice exists there is none."""
FILES = {
    "plain.csv": (),
    "settled.csv": ("--bill", "tests/bills/bill.csv", "--sub-account", "team"),
    "allocated.csv": ("--bill", "tests/bills/bill.csv", "--allocate", "cost"),
    "plain.parquet": (),
}
"""Files that are checked -> options of `spancost focus`. The calls are priced and unpriced ones."""
NEW_SYNTAX = """f"'{k.replace('\\"', '\\"\\"')}'" for k in ignore_keys"""
OLD_SYNTAX = """"'" + k.replace('"', '""') + "'" for k in ignore_keys"""
ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Return 1 when a rule fails that is not known to be wrong."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        python = place / "venv" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
        wanted = ["--ignore-requires-python", f"focus-validator=={VERSION}", "pyarrow<25"]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
        shown = subprocess.run(
            [str(python), "-c", "import site; print(site.getsitepackages()[0])"],
            check=True,
            capture_output=True,
            text=True,
        )
        packages = Path(shown.stdout.strip())
        module = packages / "focus_validator" / "config_objects" / "focus_to_duckdb_converter.py"
        module.write_text(module.read_text(encoding="utf-8").replace(NEW_SYNTAX, OLD_SYNTAX), encoding="utf-8")
        return max([_checked(place, python, packages, name, options) for name, options in FILES.items()])


def _checked(place: Path, python: Path, packages: Path, name: str, options: tuple[str, ...]) -> int:
    """Write and validate one file; return 1 when a rule fails that is not known to be wrong."""
    out, report = place / name, place / f"{name}.xml"
    spancost = str(Path(sys.executable).with_name("spancost"))
    command = [spancost, "focus", "tests/bills/spans.jsonl", "--out", str(out), "--account", "acct", *options]
    subprocess.run(command, check=True, cwd=ROOT)
    asked = ["--validate-version", "1.2", "--focus-dataset", "CostAndUsage", "--output-type", "unittest"]
    subprocess.run(
        [str(python), "-m", "focus_validator.main", "--data-file", str(out), "--block-download", *asked,
         "--output-destination", str(report)],
        check=True, cwd=packages, timeout=600,
    )  # fmt: skip
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    failed = {(case.get("name") or "").partition(" ")[0] for case in cases if case.find("failure") is not None}
    print(f"{name}: {len(cases)} rules, {len(failed)} failed: {', '.join(sorted(failed)) or 'none'}", flush=True)
    return int(bool(failed - KNOWN) or len(cases) < 500)


if __name__ == "__main__":
    sys.exit(main())
