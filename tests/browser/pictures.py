# SPDX-License-Identifier: Apache-2.0
"""Take the pictures of docs/ from the page itself: python -m tests.browser.pictures (make pictures)."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

from spancost.config import detectors
from spancost.config.budgets import parse
from spancost.config.pricers import highest_of
from spancost.config.settings import Settings
from spancost.store.calls import open_calls
from spancost.store.pricing_choice import PricingChoice
from spancost.testing.support_week import json_lines
from spancost.web.budgets_panel import Budgets
from spancost.web.questions import Questions
from spancost.web.server import PageServer
from tests.browser.chromium import chromium, until

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "pictures"


BUDGETS = """
budgets: 1
limits:
- {id: month, limit_usd: 15, window: month, at_limit: warn}
- {id: help-per-tenant, match: {app.feature: order-help}, per: [app.workspace_id], limit_usd: 2, window: week}
- {id: day, limit_usd: 1, window: day}
- {id: runaway, limit_usd: 0.5, window: trace}
"""
WINDOWS = ((1280, 1180), (390, 844))


def main() -> None:
    """Write spend, trace and call, light and dark, on a wide window and on a telephone, and the budgets."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        week = Path(folder) / "week.jsonl"
        week.write_text(json_lines(), encoding="utf-8")
        shown = Budgets(parse("budgets.yaml", BUDGETS), highest_of(Settings()))
        with open_calls([str(week)]) as calls:
            questions = Questions(lambda: (calls.engine, 0), PricingChoice(), detectors.rules(None), budgets=shown)
            server = PageServer(questions)
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            for width, height in WINDOWS:
                for dark in (False, True):
                    take(server.address, width, height, dark)
            server.shutdown()
            server.server_close()


def take(address: str, width: int, height: int, dark: bool) -> None:
    """Take the pictures of one window."""
    end = ("-dark" if dark else "") + ("-narrow" if width < 500 else "")
    driver = chromium(width, height, dark)
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.get(address)
    until(lambda: driver.find_elements("css selector", ".figures"))
    until(lambda: not driver.find_elements("css selector", "[data-waits]"))
    driver.save_screenshot(str(FOLDER / f"spend{end}.png"))
    if not dark:
        budgets = driver.find_element("xpath", "//section[h2='Budgets']")
        driver.execute_script("arguments[0].scrollIntoView()", budgets)
        budgets.screenshot(str(FOLDER / f"budgets{end}.png"))
    driver.find_element("css selector", "a[href^='/trace']").click()
    tree = until(lambda: driver.find_elements("css selector", ".tree"))[0]
    time.sleep(0.3)  # the first row is selected after the first paint
    driver.save_screenshot(str(FOLDER / f"trace{end}.png"))
    for key in ("\ue015", "\ue015", "\ue007"):
        tree.send_keys(key)
    until(lambda: "/call?" in driver.current_url and "Line items" in driver.page_source)
    driver.save_screenshot(str(FOLDER / f"call{end}.png"))
    driver.quit()


if __name__ == "__main__":
    main()
