# SPDX-License-Identifier: Apache-2.0
"""Take the pictures of docs/ from the page itself: python -m tests.browser.pictures (make pictures)."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

from spancost.config import detectors
from spancost.store.calls import open_calls
from spancost.store.pricing_choice import PricingChoice
from spancost.testing.support_week import json_lines
from spancost.web.questions import Questions
from spancost.web.server import PageServer
from tests.browser.chromium import chromium, until

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "pictures"


def main() -> None:
    """Write spend, trace and call, light and wide, and spend dark on a telephone."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        week = Path(folder) / "week.jsonl"
        week.write_text(json_lines(), encoding="utf-8")
        with open_calls([str(week)]) as calls:
            server = PageServer(Questions(lambda: (calls.engine, 0), PricingChoice(), detectors.rules(None)))
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            _wide(server.address)
            _narrow(server.address)
            server.shutdown()
            server.server_close()


def _wide(address: str) -> None:
    driver = chromium(1280, 1000)
    driver.get(address)
    until(lambda: driver.find_elements("css selector", ".figures"))
    _save(driver, "spend")
    driver.find_element("css selector", "a[href^='/trace']").click()
    tree = until(lambda: driver.find_elements("css selector", ".tree"))[0]
    _save(driver, "trace")
    for key in ("\ue015", "\ue015", "\ue007"):
        tree.send_keys(key)
    until(lambda: "/call?" in driver.current_url and "Line items" in driver.page_source)
    _save(driver, "call")
    driver.quit()


def _narrow(address: str) -> None:
    driver = chromium(390, 844, dark=True)
    driver.get(address)
    until(lambda: driver.find_elements("css selector", ".figures"))
    _save(driver, "spend-dark-narrow")
    driver.quit()


def _save(driver: Any, name: str) -> None:
    driver.save_screenshot(str(FOLDER / f"{name}.png"))


if __name__ == "__main__":
    main()
