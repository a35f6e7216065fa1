# SPDX-License-Identifier: Apache-2.0
"""Starts a program, forwards its signals and returns its exit status; its streams are not touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spancost.core.budget.ledger import Balance
from spancost.run import FOLDER_VARIABLE
from spancost.run.span_file import requests_in

_SITE = Path(__file__).parent / "site"
_BUDGETS = ("SPANCOST_BUDGET", "SPANCOST_BUDGETS")
_BUDGET_STORE = "SPANCOST_BUDGET_STORE"
_BUDGET_FILE = "budgets.db"
_FORWARDED = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Exit statuses of a shell for a command that does not exist, or is not executable."""


class ProgramError(Exception):
    """The program could not be started; *status* is what a shell would exit with."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Run(NamedTuple):
    """The result of a program.

    status: as a shell reports it (128 + n when signal n ended it). requests: its spans, by process.
    notes: the note of each Python process that took part. faults: why other Python processes did not.
    budgets: what was used of budgets that the program's processes shared.
    """

    status: int
    requests: list[ExportTraceServiceRequest]
    notes: list[Mapping[str, Any]]
    faults: list[str]
    budgets: tuple[Balance, ...] = ()


def run(command: Sequence[str]) -> Run:
    """Run *command* to its end, with costs on its spans; ProgramError when it cannot be started."""
    with tempfile.TemporaryDirectory(prefix="spancost-") as name:
        folder = Path(name)
        status = _ended(command, _environment(folder))
        notes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.note"))]
        faults = sorted({path.read_text(encoding="utf-8") for path in folder.glob("*.fault")})
        return Run(status, list(requests_in(folder)), notes, faults, _budgets_in(folder))


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of the program: ours, with PYTHONPATH so that each Python sets up costs first."""
    paths = [str(_SITE), *filter(None, [os.environ.get("PYTHONPATH")])]
    made = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), FOLDER_VARIABLE: str(folder)}
    if any(os.environ.get(name) for name in _BUDGETS) and not os.environ.get(_BUDGET_STORE):
        made[_BUDGET_STORE] = f"sqlite:{folder / _BUDGET_FILE}"  # the processes of one program share its budgets
    return made


def _budgets_in(folder: Path) -> tuple[Balance, ...]:
    if not (folder / _BUDGET_FILE).exists():
        return ()
    # Loaded for programs with budgets only.
    from spancost.control.budgets.store_url import store_of

    store = store_of(f"sqlite:{folder / _BUDGET_FILE}")
    try:
        return tuple(sorted(store.balances()))
    finally:
        store.close()


def _ended(command: Sequence[str], environment: Mapping[str, str]) -> int:
    with _signals() as forward_to:
        try:
            program = subprocess.Popen(command, env=environment)
        except FileNotFoundError as error:
            raise ProgramError(f"found no program {error.filename or command[0]!r}", NOT_FOUND) from None
        except OSError as error:
            raise ProgramError(f"{command[0]!r} cannot be run: {error.strerror}", NOT_EXECUTABLE) from None
        forward_to.append(program)
        status = program.wait()
    return 128 - status if status < 0 else status


@contextmanager
def _signals() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Forward signals to the program in the list while the block runs."""
    programs: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _: FrameType | None) -> None:
        # A terminal sends an interrupt to the whole foreground group, so the program already has it.
        if number != signal.SIGINT or not _in_foreground():
            for program in programs:
                program.send_signal(number)

    before = {}
    for name in ("SIGINT", *_FORWARDED):
        number = getattr(signal, name, None)
        # Ignored signals (nohup, background jobs) stay ignored, here and in the program.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, forward)
    try:
        yield programs
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except (OSError, AttributeError):
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
