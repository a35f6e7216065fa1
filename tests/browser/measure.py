# SPDX-License-Identifier: Apache-2.0
"""Measure the page in Chromium over a million calls and a trace of 10,000 spans (make measure-web).

Times are of the page itself: from the click or the key until what it shows has been painted. Exit status 1: a time is
over its bound.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.chromium import chromium, until
from tests.browser.million import million_calls
from tests.web.source import page_source

FIRST_PAINT_MS, INTERACTION_MS = 1000, 100
TIMES = 7
_MEASURE = """
const [act, ready, done] = [new Function(arguments[0]), new Function("return " + arguments[1]), arguments[2]];
const begin = performance.now();
act();
(function look() {
  if (ready()) requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
  else setTimeout(look, 1);
})();
"""
_SHOWN = "return performance.getEntriesByName('shown').length > 0"
_COMPLETE = "!document.querySelector(\"[data-waits^='Most'], [data-waits^='Cost']\")"


@contextmanager
def page_over(source: Path) -> Iterator[Any]:
    """Give a browser and the address of the page that `spancost view` shows of a source."""
    command = [str(Path(sys.executable).with_name("spancost")), "view", str(source), "--no-browser"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as viewed:
        assert viewed.stderr is not None
        begin = time.monotonic()
        address = next(line for line in viewed.stderr if line.startswith("Page: ")).split()[1]
        print(f"{1000 * (time.monotonic() - begin):7.0f} ms until `spancost view` gives the address of {source.name}")
        driver = chromium()
        driver.get("about:blank")
        time.sleep(2)  # somebody who opens a browser is slower than that
        yield driver, address
        driver.quit()
        viewed.terminate()


def first_paint(driver: Any, address: str) -> float:
    """Return milliseconds from the navigation until figures, chart and tables are painted."""
    driver.get(address)
    until(lambda: driver.execute_script(_SHOWN))
    return float(driver.execute_script("return performance.getEntriesByName('shown')[0].startTime"))


def interaction(driver: Any, act: str, ready: str) -> float:
    """Return milliseconds from *act* until *ready* holds and is painted; both are JavaScript.

    Before it, everything that was asked for has come: people look before they click again.
    """
    until(lambda: not driver.find_elements("css selector", "[data-waits]"), 60)
    return float(driver.execute_async_script(_MEASURE, act, ready))


def of_a_million(driver: Any, address: str) -> Iterator[tuple[str, float, float]]:
    """Yield (what, median in milliseconds, bound)."""
    yield "first paint", statistics.median(first_paint(driver, address) for _ in range(3)), FIRST_PAINT_MS
    click = "document.querySelector('%s').dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}))"
    gone = "location.search.includes('where=') === %s && !document.getElementById('state').textContent.startsWith('L')"
    features = [f"section:nth-of-type({n}) tbody tr:nth-child({m}) a" for n, m in ((1, 1), (1, 2), (1, 3), (4, 1))]
    on, whole, off = [], [], []
    for number in range(TIMES):
        link = f".tables {features[number % len(features)]}"
        on.append(interaction(driver, click % link, gone % "true"))
        whole.append(on[-1] + float(driver.execute_async_script(_MEASURE, "", _COMPLETE)))
        off.append(interaction(driver, click % ".filters a", gone % "false"))
    yield "set a filter", statistics.median(on), INTERACTION_MS
    yield "set a filter, until traces and cost per success are there too", statistics.median(whole), 5 * INTERACTION_MS
    yield "take it off", statistics.median(off), INTERACTION_MS
    hours = []
    for number in range(TIMES):
        place = f".chart svg a:nth-of-type({20 * number + 10}) .hit"
        hours.append(interaction(driver, click % place, "document.querySelector('.filters a') && " + gone % "false"))
        driver.back()
        until(lambda: not driver.find_elements("css selector", ".filters a"))
    yield "choose a day", statistics.median(hours), INTERACTION_MS
    traces = []
    for number in range(TIMES):
        until(lambda: driver.find_elements("css selector", "a[href^='/trace']"))
        link = f"tr:nth-child({number + 1}) a[href^=\\'/trace\\']"
        traces.append(interaction(driver, click % link, "document.querySelector('[role=treeitem]')"))
        driver.back()
        until(lambda: driver.find_elements("css selector", ".figures"))
    yield "open a trace", statistics.median(traces), INTERACTION_MS


def of_a_trace(driver: Any, address: str) -> Iterator[tuple[str, float, float]]:
    """Yield (what, median in milliseconds, bound) for a trace of 10,000 spans."""
    driver.get(address)
    link = until(lambda: driver.find_elements("css selector", "a[href^='/trace']"))[0].get_attribute("href")
    paints = []
    for _ in range(3):
        driver.get(link)
        until(lambda: driver.execute_script(_SHOWN))
        paints.append(driver.execute_script("return performance.getEntriesByName('shown')[0].startTime"))
    yield "10,000 spans: first paint", statistics.median(paints), FIRST_PAINT_MS
    press = "document.querySelector('.tree').dispatchEvent(new KeyboardEvent('keydown', {key: '%s', bubbles: true}))"
    keys = []
    for _ in range(TIMES):
        for key, span in (("End", 9999), ("Home", 0), ("PageDown", None)):
            ready = "true" if span is None else f"document.querySelector('#span{span}[aria-selected=true]')"
            keys.append(interaction(driver, press % key, ready))
    yield "10,000 spans: a key", max(keys), INTERACTION_MS


def main() -> int:
    """Print each time and its bound."""
    found: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        with page_over(million_calls(Path(folder))) as (driver, address):
            found += of_a_million(driver, address)
        with page_over(page_source(Path(folder) / "spans.jsonl", 9_999)) as (driver, address):
            found += of_a_trace(driver, address)
    for what, took, bound in found:
        print(f"{took:7.0f} ms (bound {bound:,.0f}) {what}")
    return int(any(took > bound for _, took, bound in found))


if __name__ == "__main__":
    sys.exit(main())
