# SPDX-License-Identifier: Apache-2.0
"""Imported by every Python that `spancost run` starts: sets up costs, then runs the sitecustomize that it shadows.

The Python may not have spancost installed, so this module uses the standard library and records a failed import.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

FOLDER_VARIABLE = "_SPANCOST_RUN_FOLDER"


def set_up() -> None:
    """Set up costs in this process; errors are written to a file for the parent process and never raised."""
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
        except OSError:  # the parent process has ended and removed the folder
            return


def run_shadowed() -> None:
    """Run the `sitecustomize` that this one shadows, if there is one; its errors are raised as usual."""
    here = Path(__file__).resolve().parent
    spec = PathFinder.find_spec("sitecustomize", [entry for entry in sys.path if Path(entry or ".").resolve() != here])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


set_up()
run_shadowed()
