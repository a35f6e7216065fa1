# SPDX-License-Identifier: Apache-2.0
"""`spancost view`: a local page on which spend leads to the trace, the span and the rate behind it."""

from __future__ import annotations

import sys
import tempfile
import threading
import webbrowser
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import click

from spancost.cli.extra import load
from spancost.cli.page_budgets import budgets_option, budgets_to_show
from spancost.cli.source_options import calls_of, choice_of, price_options, refusals, refuse

_SWITCH_SECONDS = 0.0005
"""Threads take turns this often at least: a long search for anomalies delays no other question."""


@click.command(name="view")
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@click.option("--listen", is_flag=True, help="Take spans of services by OTLP/HTTP instead, and show them as they come.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port on 127.0.0.1; by default 4318 to listen, else a free one."
)
@click.option("--no-browser", is_flag=True, help="Open no browser.")
@budgets_option
@price_options
def command(
    sources: tuple[str, ...],
    listen: bool,
    port: int | None,
    no_browser: bool,
    budgets_path: Path | None,
    **options: Any,
) -> None:
    """Show SOURCE..., or what services send, on a page of this machine until interrupted.

    The address holds a token and is printed on standard error. With --listen, point a service at it:
    OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf.
    """
    with refusals(), ExitStack() as stack:
        if listen == bool(sources):
            found = "both SOURCE and --listen" if listen else "neither SOURCE nor --listen"
            refuse(f"found {found}; expected one of them")
        choice = choice_of(options)
        budgets = budgets_to_show(budgets_path)
        load("duckdb", "reports")
        from spancost.config import detectors
        from spancost.web.questions import Questions
        from spancost.web.server import PageServer

        if listen:
            from spancost.web.live import LiveCalls

            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="spancost-"))
            live = LiveCalls(Path(folder), choice)
            stack.callback(live.close)
            engine, receive = live.engine, live.receive
        else:
            calls = stack.enter_context(calls_of(sources, choice))
            receive = None
            asked = load("spancost.store.held", "reports").held(calls.engine)

            def engine() -> Any:
                return asked, 0

        wanted = (4318 if listen else 0) if port is None else port
        try:
            server = PageServer(lambda name, parameters: questions(name, parameters), wanted, receive)
        except OSError as error:
            refuse(f"--port: found {wanted} in use ({error.strerror}); expected a free port")
        live_at = server.endpoint if listen else None
        questions = Questions(engine, choice, detectors.rules(None), live_at, budgets)
        sys.setswitchinterval(_SWITCH_SECONDS)
        threading.Thread(target=questions.warm_up, daemon=True).start()
        click.echo(f"Page: {server.address}", err=True)
        if listen:
            setting = f"OTEL_EXPORTER_OTLP_ENDPOINT={server.endpoint} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
            click.echo(f"Services: {setting}", err=True)
        click.echo("Stop with Ctrl-C.", err=True)
        if not no_browser:
            webbrowser.open(server.address)
        with suppress(KeyboardInterrupt):
            server.serve_forever(poll_interval=0.2)
        server.server_close()
