# SPDX-License-Identifier: Apache-2.0
"""axe-core finds nothing wrong with the page, light and dark (`make test-web` installs it by npm)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spancost.config import detectors
from spancost.store.calls import open_calls
from spancost.store.pricing_choice import PricingChoice
from spancost.web.questions import Questions
from spancost.web.server import PageServer
from tests.browser.chromium import chromium, until
from tests.repository import ROOT
from tests.web.source import page_source

AXE = ROOT / "build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """const done = arguments[0];
axe.run(document, {resultTypes: ["violations"]}).then((found) => done(
  found.violations.map((each) => [each.id, each.impact, each.nodes.length, each.nodes[0].html.slice(0, 200)])));"""

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed here: make test-web, with npm")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    source = page_source(tmp_path_factory.mktemp("access") / "spans.jsonl")
    with open_calls([str(source)]) as calls:
        served = PageServer(Questions(lambda: (calls.engine, 0), PricingChoice(), detectors.rules(None)))
        threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True).start()
        yield served.address
        served.shutdown()
        served.server_close()


def violations(page: Any) -> list[Any]:
    page.execute_script(Path(AXE).read_text(encoding="utf-8"))
    found: list[Any] = page.execute_async_script(RUN)
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_view_can_be_used_by_everyone(address: str, dark: bool) -> None:
    page = chromium(1280, 1000, dark)
    try:
        page.get(address)
        until(lambda: page.find_elements("css selector", ".figures"))
        until(lambda: not page.find_elements("css selector", "[data-waits]"), 30)
        assert violations(page) == []
        page.find_element("css selector", "a[href^='/trace']").click()
        until(lambda: page.find_elements("css selector", "[role=treeitem]"))
        time.sleep(0.2)  # the first row is selected after the first paint
        assert violations(page) == []
        tree = page.find_element("css selector", ".tree")
        for key in ("\ue015", "\ue007"):
            tree.send_keys(key)
        until(lambda: "Line items" in page.page_source)
        assert violations(page) == []
    finally:
        page.quit()
