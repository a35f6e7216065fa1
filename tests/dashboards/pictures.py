# SPDX-License-Identifier: Apache-2.0
"""Take the pictures of docs/dashboards/ from the boards' own queries: python -m tests.dashboards.pictures.

`make board-pictures` runs it. Debian's Prometheus answers from the history of `history.py`; Chromium draws the page of
`tools/dashboards/preview.py`.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.browser.chromium import chromium
from tests.dashboards import history
from tests.dashboards.servers import serving
from tools.dashboards.board_page import picture
from tools.dashboards.preview_data import Prometheus, Times, answers
from tools.dashboards.preview_page import WIDTH, page
from tools.dashboards.table import FOLDER, PROMETHEUS, Record, boards, records

TIMES = Times(history.END - history.WEEK, history.END, 3600)
"""The last week, with a value an hour."""
MONTH_USD = 80
KEPT = ("--storage.tsdb.retention.time=100y", "--query.lookback-delta=11m")
"""The history is older than what Prometheus keeps by default, and is scraped less often."""
LONG_BLOCK = "--max-block-duration=2400h"
"""promtool reads its input once for each block."""


def promtool(*words: object) -> None:
    """Run promtool; CalledProcessError when it fails."""
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", LONG_BLOCK, *map(str, words)],
        check=True,
        capture_output=True,
        timeout=300,
    )


def rules_text(recorded: Sequence[Record]) -> str:
    """Return recording rules as Prometheus reads them, with the month's budget of the pictures."""
    rules = [
        {"record": each.record, "expr": each.expr.replace("vector(2000)", f"vector({MONTH_USD})")} for each in recorded
    ]
    return json.dumps({"groups": [{"name": "records", "interval": "10m", "rules": rules}]})


@contextmanager
def week(folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus that holds the history, and what the recording rules made of its last week."""
    (folder / "prometheus.yml").write_text("{}\n")
    made = folder / "history.txt"
    made.write_text(history.open_metrics(folder), encoding="utf-8")
    promtool("openmetrics", "--quiet", made, folder / "data")
    made_of_others = [each for each in records() if any(other.record in each.expr for other in records())]
    for recorded in ([each for each in records() if each not in made_of_others], made_of_others):
        rules = folder / "rules.yaml"
        rules.write_text(rules_text(recorded), encoding="utf-8")
        with serving(folder, *KEPT) as running:
            span = (f"--start={TIMES.begin}", f"--end={TIMES.end}", f"--url={running.address}")
            promtool("rules", *span, f"--output-dir={folder}/data", rules)
    with serving(folder, *KEPT) as running:
        yield Prometheus(running.address)


def drawn(board_id: str, source: Prometheus) -> str:
    """Return the page of a board."""
    board = json.loads((FOLDER / "grafana" / f"{board_id}-{PROMETHEUS}.json").read_text(encoding="utf-8"))
    return page(board, answers(board, source, TIMES), TIMES)


def main() -> None:
    """Write a picture of each board."""
    with tempfile.TemporaryDirectory() as name, week(Path(name)) as source:
        driver = chromium(WIDTH, 900)
        for board in boards():
            path = Path(name) / f"{board.id}.html"
            path.write_text(drawn(board.id, source), encoding="utf-8")
            driver.get(path.as_uri())
            height = driver.execute_script("return document.querySelector('main').offsetHeight")
            size = {"width": WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.save_screenshot(str(picture(board)))
        driver.quit()


if __name__ == "__main__":
    main()
