# SPDX-License-Identifier: Apache-2.0
"""Draw a Grafana board on Prometheus as a page, without Grafana: what each panel's query gives, in the board's layout.

For development: `python -m tools.dashboards.preview BOARD.json --prometheus URL [--end SECONDS] [--hours 24]` prints
HTML. It looks like the board, not like Grafana: of options it reads kinds, titles, units, places and legends.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tools.dashboards.preview_data import PreviewError, Prometheus, Times, answers
from tools.dashboards.preview_page import page

HOUR = 3600
SHORTEST_STEP, VALUES = 300, 168


def main(argv: list[str]) -> int:
    """Print the page of a board; return 2, with one sentence, when it cannot be drawn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", type=Path)
    parser.add_argument("--prometheus", required=True, metavar="URL")
    parser.add_argument("--end", type=int, default=int(time.time()), metavar="SECONDS")
    parser.add_argument("--hours", type=int, default=24)
    given = parser.parse_args(argv)
    board = json.loads(given.board.read_text(encoding="utf-8"))
    seconds = given.hours * HOUR
    times = Times(given.end - seconds, given.end, max(SHORTEST_STEP, seconds // VALUES))
    try:
        print(page(board, answers(board, Prometheus(given.prometheus), times), times))
    except PreviewError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
