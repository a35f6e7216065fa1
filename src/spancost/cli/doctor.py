# SPDX-License-Identifier: Apache-2.0
"""`spancost doctor`: what spancost makes of spans, of a program, or of the environment it runs in."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import BinaryIO

import click

from spancost.cli.run import card_in_environment, run_program
from spancost.cli.verify import spans_of_files
from spancost.config import data
from spancost.config.pricers import prices
from spancost.config.settings import load
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.diagnose.doctor import environment
from spancost.diagnose.doctor.dialect_trace import DialectTrace
from spancost.diagnose.doctor.findings import FINE, PROBLEM, Finding
from spancost.diagnose.doctor.processes import inspect_processes
from spancost.diagnose.doctor.spans import inspect_spans
from spancost.diagnose.format_count import counted
from spancost.store.otlp_json import Carried, carried_spans
from spancost.store.otlp_receiver import otlp_json

_MARKS = {"fine": "  ", "note": "? ", "problem": "! "}
_WIDEST = 100


class _Doctor(click.Command):
    """Takes what stands behind `--` as a program to run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta["program"] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)


@click.command(name="doctor", cls=_Doctor, options_metavar="[OPTIONS]")
@click.argument("files", nargs=-1, type=click.File("rb"), metavar="[FILE... | -- CMD [ARG]...]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines, one finding a line.")
@click.option("--strict", is_flag=True, help="Exit with 1 when a problem (!) is found.")
@click.option("--card", "card_name", metavar="FILE|VERSION", help="Price by this rate card instead of SPANCOST_CARD.")
@click.pass_context
def command(
    ctx: click.Context, files: tuple[BinaryIO, ...], as_json: bool, strict: bool, card_name: str | None
) -> None:
    """Say which dialect and rule read each span, what is counted twice, what has no price and why, and what to do.

    With FILES (OTLP JSON; - is standard input) it looks at their spans, with -- CMD it runs a Python program and looks
    at its spans and processes, with neither at this environment: versions, settings, rate card, SDK, baggage.
    """
    program: tuple[str, ...] = ctx.meta.get("program", ())
    faults: list[str] = []
    with card_in_environment(card_name):
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
    """Return what there is to say of a program that is run, and of its spans if any of its processes took part."""
    done, _ = run_program(program)
    carried = [span for request in done.requests for span in carried_spans(otlp_json(request))]
    return [*inspect_processes(done.notes, done.faults), *(_of_spans(carried) if done.notes else ())]


def _of_spans(carried: list[Carried]) -> Iterator[Finding]:
    dialects, names = data.default_dialects(), data.default_names()
    ledger = Ledger(dialects, prices(load()), LedgerOptions(join_services=True))
    lens = DialectTrace(json.loads(data.read("semconv/compiled/dialects.json")))
    yield from environment.card(load())
    yield from inspect_spans(carried, ledger, dialects, lens, lambda host: bool(names.at_host(host)))


def _json_lines(found: Iterable[Finding]) -> Iterator[str]:
    for advice in found:
        yield json.dumps(asdict(advice), ensure_ascii=False, separators=(",", ":"))


def _page(found: list[Finding]) -> Iterator[str]:
    """Yield the findings by section, wrapped to the terminal: `!` is a problem, `?` worth a look, `->` what to do."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for section, advices in groupby(found, key=lambda advice: advice.section):
        yield section
        for advice in advices:
            first, *more = advice.text.split("\n")
            yield from _wrapped(first, _MARKS[advice.level], width)
            for line in more:
                yield from _wrapped(line, "  ", width)
            if advice.fix:
                yield from _wrapped(advice.fix, "  -> ", width)
        yield ""
    problems = sum(advice.level == PROBLEM for advice in found)
    notes = sum(advice.level not in (PROBLEM, FINE) for advice in found)
    yield f"{counted(problems, 'problem')} (!), {counted(notes, 'thing')} worth a look (?)"


def _wrapped(text: str, mark: str, width: int) -> list[str]:
    inner = mark + " " * (len(text) - len(text.lstrip()))
    following = " " * (len(inner) + (2 if mark == "  " else 0))
    plain = text.lstrip()
    return textwrap.wrap(plain, width, initial_indent=inner, subsequent_indent=following, break_on_hyphens=False)
