# SPDX-License-Identifier: Apache-2.0
"""The page in Chromium: from the spike to the rate by mouse and by keyboard, with no fault and no foreign request."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spancost.config import detectors
from spancost.store.calls import open_calls
from spancost.store.pricing_choice import PricingChoice
from spancost.web.live import LiveCalls
from spancost.web.questions import Questions
from spancost.web.server import PageServer
from tests.browser.chromium import chromium, until
from tests.reports.otlp import chat, request, span
from tests.web.source import HOSTILE, page_source

ENTER, DOWN, LEFT, RIGHT, END, TAB = "\ue007", "\ue015", "\ue012", "\ue014", "\ue010", "\ue004"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    source = page_source(tmp_path_factory.mktemp("zoom") / "spans.jsonl", 9_999)
    with open_calls([str(source)]) as calls:
        served = PageServer(Questions(lambda: (calls.engine, 0), PricingChoice(), detectors.rules(None)))
        threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True).start()
        yield served
        served.shutdown()
        served.server_close()


@pytest.fixture
def page(server: PageServer) -> Iterator[Any]:
    driver = chromium()
    driver.get(server.address)
    until(lambda: driver.find_elements("css selector", ".figures"))
    until(lambda: not driver.find_elements("css selector", "[data-waits]"), 30)
    yield driver
    faults = [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    addresses = {
        message["params"]["request"]["url"]
        for entry in driver.get_log("performance")
        if (message := json.loads(entry["message"])["message"])["method"] == "Network.requestWillBeSent"
    }
    driver.quit()
    assert faults == []
    assert {address.split("/")[2] for address in addresses if address.startswith("http")} == {server.endpoint[7:]}


def heading(page: Any) -> str:
    return str(page.find_element("css selector", "h1").text)


def test_from_the_spike_to_the_rate_by_mouse(page: Any) -> None:
    bars = page.find_elements("css selector", ".chart a")
    spike = max(bars, key=lambda bar: float(bar.get_attribute("aria-label").split("$")[1].split(",")[0]))
    spike.click()
    until(lambda: "since=" in page.current_url and page.find_elements("css selector", ".filters a"))
    until(lambda: page.find_elements("css selector", "a[href^='/trace']"))
    page.find_element("css selector", "a[href^='/trace']").click()
    until(lambda: page.find_elements("css selector", "[role=treeitem]"))
    row = page.find_elements("css selector", "[role=treeitem]")[1]
    page.execute_script("arguments[0].dispatchEvent(new MouseEvent('dblclick', {bubbles: true}))", row)
    until(lambda: "/call?" in page.current_url and "Rate" in page.page_source)
    assert "openai/gpt-4o@" in page.find_element("css selector", "main").text
    page.back()
    until(lambda: page.find_elements("css selector", "[role=treeitem]"))


def test_from_the_spike_to_the_rate_by_keyboard(page: Any) -> None:
    """Tab to the bar, Enter; Tab to a trace, Enter; arrows in the tree, Enter on a call."""
    bars = page.find_elements("css selector", ".chart a")
    spike = max(bars, key=lambda bar: float(bar.get_attribute("aria-label").split("$")[1].split(",")[0]))
    for _ in range(100):
        if page.switch_to.active_element == spike:
            break
        page.switch_to.active_element.send_keys(TAB)
    page.switch_to.active_element.send_keys(ENTER)
    until(lambda: "since=" in page.current_url and page.find_elements("css selector", ".filters a"))
    link = until(lambda: page.find_elements("css selector", "a[href^='/trace']"))[0]
    for _ in range(200):
        if page.switch_to.active_element == link:
            break
        page.switch_to.active_element.send_keys(TAB)
    assert page.switch_to.active_element == link
    link.send_keys(ENTER)
    tree = until(lambda: page.find_elements("css selector", ".tree"))[0]
    tree.send_keys(DOWN)
    assert page.find_element("css selector", "[aria-selected=true]").get_attribute("aria-level") == "2"
    tree.send_keys(ENTER)
    until(lambda: "/call?" in page.current_url and "Line items" in page.page_source)


def test_ten_thousand_spans_are_quick(page: Any, server: PageServer) -> None:
    """First paint and each key: generous bounds, because machines differ; docs/page.md has measurements."""
    begin = time.monotonic()
    page.find_element("css selector", "a[href^='/trace']").click()
    tree = until(lambda: page.find_elements("css selector", ".tree"))[0]
    until(lambda: page.find_elements("css selector", "[role=treeitem]"))
    assert time.monotonic() - begin < 5
    assert len(page.find_elements("css selector", "[role=treeitem]")) < 100
    begin = time.monotonic()
    tree.send_keys(END)
    until(lambda: page.find_element("css selector", "[aria-selected=true]").get_attribute("id") == "span9999")
    assert time.monotonic() - begin < 2


def test_hostile_names_are_text(page: Any) -> None:
    title = page.title
    assert "onerror" in page.find_element("css selector", "main").text
    assert page.find_elements("css selector", "main img") == []
    assert page.title == title


def test_a_filter_can_be_taken_off_again(page: Any) -> None:
    page.find_element("link text", "chat").click()
    chip = until(lambda: page.find_elements("css selector", ".filters a"))[0]
    assert "feature%3Dchat" in page.current_url
    chip.click()
    until(lambda: "feature%3Dchat" not in page.current_url and page.find_elements("css selector", ".figures"))


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_page_fits_its_window(server: PageServer, tmp_path: Path, width: int, dark: bool) -> None:
    driver = chromium(width, 900, dark)
    driver.get(server.address)
    until(lambda: driver.find_elements("css selector", ".figures"))
    wide = driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth + 1")
    driver.save_screenshot(str(tmp_path / "page.png"))
    driver.quit()
    assert wide


def test_a_live_service_leads_to_the_rate_too(tmp_path: Path) -> None:
    """A million characters, markup and control characters arrive as names and tags of a service, and stay text."""
    live = LiveCalls(tmp_path, PricingChoice())
    questions = Questions(live.engine, PricingChoice(), detectors.rules(None), "here")
    served = PageServer(questions, receive=live.receive)
    threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True).start()
    driver = chromium()
    try:
        driver.get(served.address)
        until(lambda: "No model call yet" in driver.page_source)
        long = HOSTILE + "x" * 1_000_000
        root = span(1, 1, None, 0, name=long, app__feature=long)
        send(
            served, root, *(chat(1, 2 + at, "gpt-4o", 10**at, parent=1, at_s=at, app__feature=long) for at in range(4))
        )
        until(lambda: driver.find_elements("css selector", "a[href^='/trace']"))
        title = driver.title
        driver.find_element("css selector", "a[href^='/trace']").click()
        tree = until(lambda: driver.find_elements("css selector", ".tree"))[0]
        until(lambda: driver.find_elements("css selector", "[role=treeitem]"))
        tree.send_keys(DOWN)
        tree.send_keys(ENTER)
        until(lambda: "/call?" in driver.current_url and "Line items" in driver.page_source)
        shown = driver.find_element("css selector", "main").text
        assert "openai/gpt-4o@" in shown
        assert "(1,000,0" in shown
        assert len(shown) < 10_000
        assert driver.find_elements("css selector", "main img") == []
        assert driver.title != "1" != title
        faults = [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        assert faults == []
    finally:
        driver.quit()
        served.shutdown()
        served.server_close()
        live.close()


def send(served: PageServer, *spans: dict[str, Any]) -> None:
    """Send spans as a service does."""
    body = json.dumps(request(*spans)).encode()
    sent = urllib.request.Request(f"{served.endpoint}/v1/traces", body, {"content-type": "application/json"})
    urllib.request.urlopen(sent)
