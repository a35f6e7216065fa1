# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks`: run every suite, each in a process of its own, and write docs/performance.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks import report
from benchmarks.machine import describe

ROOT = Path(__file__).resolve().parents[1]
OPENLIT_SOURCE = "https://raw.githubusercontent.com/openlit/openlit/main/assets/pricing.json"


def _spans(rounds: int) -> object:
    from benchmarks import spans

    return spans.measure(3 * rounds)


def _price(rounds: int) -> object:
    from benchmarks import pricing

    return pricing.measure(rounds)


def _startup(rounds: int) -> object:
    from benchmarks import startup

    return startup.measure(max(3, rounds // 12))


def _rollup(rounds: int) -> object:
    from benchmarks import rollup

    return rollup.measure(rounds, open_spans=1_000_000 if rounds >= 30 else 50_000)


def _capture(rounds: int) -> object:
    from benchmarks import capture

    return capture.measure(rounds)


def _replay(rounds: int) -> object:
    from benchmarks import replay

    return replay.measure(rounds)


def _accuracy(rounds: int) -> object:
    from benchmarks import accuracy, peers

    engines = {
        "spancost": peers.spancost(),
        "genai-prices": peers.genai_prices(),
        "litellm": peers.litellm(),
        "tokencost": peers.tokencost(),
    }
    prices = os.environ.get("OPENLIT_PRICES")
    if prices:
        engines["openlit"] = peers.openlit(Path(prices))
    return accuracy.score(engines)


SUITES: dict[str, Callable[[int], object]] = {
    "spans": _spans,
    "replay": _replay,
    "price": _price,
    "startup": _startup,
    "rollup": _rollup,
    "capture": _capture,
    "accuracy": _accuracy,
}


@click.command()
@click.option("--suite", "chosen", multiple=True, type=click.Choice(list(SUITES)), help="Only this suite; repeatable.")
@click.option("--rounds", default=60, show_default=True, help="Samples of each variant; 10 for a quick look.")
@click.option("--page", type=click.Path(path_type=Path), help="Write the page here, when every suite ran.")
@click.option("--results", type=click.Path(path_type=Path), help="Keep the figures as JSON here.")
@click.option(
    "--openlit-prices", type=click.Path(path_type=Path, exists=True), help="openlit's price file, if at hand."
)
@click.option("--one", type=click.Choice(list(SUITES)), hidden=True, help="Run one suite in this process, as JSON.")
def main(
    chosen: tuple[str, ...], rounds: int, page: Path | None, results: Path | None, openlit_prices: Path | None,
    one: str | None,
) -> None:  # fmt: skip
    """Measure spancost against the bare SDK and its peers. Prints the page; gates nothing."""
    if one:
        click.echo(json.dumps(SUITES[one](rounds)))
        return
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        prices = openlit_prices or _download_openlit_prices(Path(folder))
        for suite in chosen or SUITES:
            click.echo(f"running {suite} …", err=True)
            figures[suite] = _in_a_process(suite, rounds, prices)
    figures["machine"] = describe()
    if results:
        results.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    text = report.page(figures)
    if page and not chosen:
        page.write_text(text + report.kept(page.read_text(encoding="utf-8")), encoding="utf-8")
    click.echo(text)


def _in_a_process(suite: str, rounds: int, openlit_prices: Path | None) -> Any:
    environment = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # its own bundled prices, not a download
        "OTEL_SDK_DISABLED": "false",
        "OPENLIT_PRICES": str(openlit_prices or ""),
    }
    command = [sys.executable, "-m", "benchmarks", "--one", suite, "--rounds", str(rounds)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"the suite {suite!r} failed; its error is above")
    return json.loads(done.stdout.splitlines()[-1])


def _download_openlit_prices(folder: Path) -> Path | None:
    """Fetch what openlit fetches when it starts; None where that cannot be reached, and then it is not scored."""
    import requests

    try:
        response = requests.get(OPENLIT_SOURCE, timeout=10)
        response.raise_for_status()
    except requests.RequestException as error:
        click.echo(f"openlit is not scored: its price file cannot be reached ({type(error).__name__})", err=True)
        return None
    target = folder / "openlit.json"
    target.write_bytes(response.content)
    return target


if __name__ == "__main__":
    main()
