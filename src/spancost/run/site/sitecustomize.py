# SPDX-License-Identifier: Apache-2.0
"""Imported by every Python that `spancost run` starts, before the program: sets up costs, then runs what it hides.

It may run in a Python that has no spancost, so it imports the standard library and says what it lacks.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

FOLDER_VARIABLE = "_SPANCOST_RUN_FOLDER"


def set_up() -> None:
    """Set up costs in this process; what goes wrong is left for the one who started it to read, and never raised."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return
    try:
        from spancost.run.child import set_up as begin

        begin(Path(folder))
    except Exception as error:
        try:
            found = f"{sys.executable}: {type(error).__name__}: {error}"
            Path(folder, f"{os.getpid()}.fault").write_text(found, encoding="utf-8")
        except OSError:  # the folder is gone with the one who started it: there is nobody left to tell
            return


def run_hidden() -> None:
    """Run the `sitecustomize` that this one stands before, if there is one; it raises what it would have raised."""
    here = Path(__file__).resolve().parent
    spec = PathFinder.find_spec("sitecustomize", [entry for entry in sys.path if Path(entry or ".").resolve() != here])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


set_up()
run_hidden()
