# SPDX-License-Identifier: Apache-2.0
"""A progress bar for work that takes more than a moment, and how many processes it may use."""

from __future__ import annotations

import os
import sys
from typing import Any

from spancost.store.load_progress import Progress


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class progress_bar:
    """A progress bar on standard error while a block runs; nothing unless that is a terminal."""

    def __init__(self) -> None:
        self._shown: Any = None

    def __enter__(self) -> Progress:
        if not sys.stderr.isatty():
            return Progress()
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        bars = self._shown = Bars(*columns, console=Console(stderr=True), transient=True)
        bars.start()

        class Shown(Progress):
            def begin(self, step: str, total: int) -> None:
                self.task = bars.add_task(step, total=total or None)

            def advance(self, units: int) -> None:
                bars.advance(self.task, units)

        return Shown()

    def __exit__(self, *_: object) -> None:
        if self._shown is not None:
            self._shown.stop()
