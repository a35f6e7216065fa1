# SPDX-License-Identifier: Apache-2.0
"""`spancost doctor`: diagnoses spans, a program, or the environment."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import click

from spancost.cli.emitters_option import emitters_option
from spancost.cli.price import contract_option
from spancost.cli.run import run_program, settings_in_environment
from spancost.cli.verify import spans_of_files
from spancost.config import data, emitters
from spancost.config.pricers import prices
from spancost.config.settings import load
from spancost.core.dialect.emitters import EmitterError
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.diagnose.doctor import environment
from spancost.diagnose.doctor.dialect_trace import DialectTrace
from spancost.diagnose.doctor.findings import FINE, PROBLEM, Finding
from spancost.diagnose.doctor.processes import inspect_processes
from spancost.diagnose.doctor.spans import inspect_spans
from spancost.diagnose.format_count import format_count
from spancost.store.otlp_json import Carried, carried_spans
from spancost.store.otlp_receiver import otlp_json

_MARKS = {"fine": "  ", "note": "? ", "problem": "! "}
_WIDEST = 100


class _Doctor(click.Command):
    """Takes the arguments after `--` as a program to run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta["program"] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)


@click.command(name="doctor", cls=_Doctor, options_metavar="[OPTIONS]")
@click.argument("files", nargs=-1, type=click.File("rb"), metavar="[FILE... | -- CMD [ARG]...]")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON Lines.")
@click.option("--strict", is_flag=True, help="Exit with 1 if there is a problem (!).")
@click.option("--card", "card_name", metavar="FILE|VERSION", help="Use this rate card instead of SPANCOST_CARD.")
@contract_option
@emitters_option
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[BinaryIO, ...],
    as_json: bool,
    strict: bool,
    card_name: str | None,
    contract_path: Path | None,
    emitters_path: Path | None,
) -> None:
    """Show which dialect and rule read each span, what is reported twice, and which calls have no price and why.

    With FILES (OTLP JSON; - is standard input), inspect their spans. With -- CMD, run a Python program and inspect its
    spans and processes. With neither, inspect this environment: versions, settings, rate card, SDK, baggage.
    """
    program: tuple[str, ...] = ctx.meta.get("program", ())
    faults: list[str] = []
    with settings_in_environment(card_name, contract_path, emitters_path):
        if program:
            found = _of_program(program)
        elif files:
            found = list(_of_spans(list(spans_of_files(files, faults))))
        else:
            found = list(environment.inspect_environment())
    found.extend(environment.unseen())
    errors = [Finding("Input", PROBLEM, fault, "Expected OTLP JSON, as an exporter writes it.") for fault in faults]
    for line in (_json_lines if as_json else _page)([*errors, *found]):
        click.echo(line)
    is_bad = strict and any(finding.level == PROBLEM for finding in found)
    sys.exit(1 if faults or is_bad else 0)


def _of_program(program: tuple[str, ...]) -> list[Finding]:
    """Run a program; return findings about its processes and, if any took part, about its spans."""
    done, _ = run_program(program)
    carried = [span for request in done.requests for span in carried_spans(otlp_json(request))]
    return [*inspect_processes(done.notes, done.faults), *(_of_spans(carried) if done.notes else ())]


def _of_spans(carried: list[Carried]) -> Iterator[Finding]:
    settings, names = load(), data.default_names()
    described = None
    try:
        described = None if settings.emitters is None else emitters.load(settings.emitters)
        dialects = data.dialects(settings.read_responses, described)
    except EmitterError as error:
        yield Finding("Emitters", PROBLEM, f"The emitters of a file are not read: {error}", "Correct the file.")
        described, dialects = None, data.default_dialects(settings.read_responses)
    ledger = Ledger(dialects, prices(settings), LedgerOptions(join_services=True))
    trace = DialectTrace(data.compiled_dialects(described))
    yield from environment.card(settings)
    yield from environment.contract(settings)
    yield from inspect_spans(carried, ledger, dialects, trace, lambda host: bool(names.at_host(host)))


def _json_lines(found: Iterable[Finding]) -> Iterator[str]:
    for finding in found:
        yield json.dumps(asdict(finding), ensure_ascii=False, separators=(",", ":"))


def _page(found: list[Finding]) -> Iterator[str]:
    """Yield the findings by section, wrapped to the terminal: `!` is a problem, `?` a warning, `->` the fix."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for section, findings in groupby(found, key=lambda finding: finding.section):
        yield section
        for finding in findings:
            first, *more = finding.text.split("\n")
            yield from _wrapped(first, _MARKS[finding.level], width)
            for line in more:
                yield from _wrapped(line, "  ", width)
            if finding.fix:
                yield from _wrapped(finding.fix, "  -> ", width)
        yield ""
    problems = sum(finding.level == PROBLEM for finding in found)
    warnings = sum(finding.level not in (PROBLEM, FINE) for finding in found)
    yield f"{format_count(problems, 'problem')} (!), {format_count(warnings, 'warning')} (?)"


def _wrapped(text: str, mark: str, width: int) -> list[str]:
    inner = mark + " " * (len(text) - len(text.lstrip()))
    following = " " * (len(inner) + (2 if mark == "  " else 0))
    plain = text.lstrip()
    return textwrap.wrap(plain, width, initial_indent=inner, subsequent_indent=following, break_on_hyphens=False)
