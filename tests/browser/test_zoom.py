# SPDX-License-Identifier: Apache-2.0
"""The page in Chromium: from the spike to the rate by mouse and by keyboard, with no fault and no foreign request."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spancost.config import detectors
from spancost.store.calls import open_calls
from spancost.store.pricing_choice import PricingChoice
from spancost.testing.support_week import json_lines
from spancost.web.live import LiveCalls
from spancost.web.questions import Questions
from spancost.web.server import PageServer
from tests.browser.chromium import chromium, until
from tests.browser.steps import END, browsing, selected, serving, to_the_rate_by_keyboard, to_the_rate_by_mouse
from tests.reports.otlp import chat, request, span
from tests.web.source import HOSTILE, page_source


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    source = page_source(tmp_path_factory.mktemp("zoom") / "spans.jsonl", 9_999)
    with open_calls([str(source)]) as calls:
        questions = Questions(lambda: (calls.engine, 0), PricingChoice(), detectors.rules(None))
        with serving(questions) as served:
            yield served


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    source = tmp_path_factory.mktemp("week") / "week.jsonl"
    source.write_text(json_lines(), encoding="utf-8")
    with open_calls([str(source)]) as calls:
        questions = Questions(lambda: (calls.engine, 0), PricingChoice(), detectors.rules(None))
        with serving(questions) as served:
            yield served


@pytest.fixture
def page(server: PageServer) -> Iterator[Any]:
    with browsing(server) as driver:
        until(lambda: driver.find_elements("css selector", ".figures"))
        until(lambda: not driver.find_elements("css selector", "[data-waits]"), 30)
        yield driver


@pytest.fixture
def page_of_week(week: PageServer) -> Iterator[Any]:
    with browsing(week) as driver:
        until(lambda: driver.find_elements("css selector", ".figures"))
        yield driver


def test_from_the_spike_to_the_rate_by_mouse(page: Any) -> None:
    to_the_rate_by_mouse(page, zooms=1)
    assert "openai/gpt-4o@" in page.find_element("css selector", "main").text
    page.back()
    until(lambda: page.find_elements("css selector", "[role=treeitem]"))


def test_from_the_spike_to_the_rate_by_keyboard(page: Any) -> None:
    to_the_rate_by_keyboard(page, zooms=1)


@pytest.mark.parametrize("go", [to_the_rate_by_mouse, to_the_rate_by_keyboard])
def test_the_runaway_of_the_week_is_found_by_day_hour_trace_and_call(page_of_week: Any, go: Any) -> None:
    """The highest day, its highest hour, the most expensive trace there, and the rate of its first call."""
    go(page_of_week, zooms=2, row=2)
    assert "trace=48cbec992435e1c743d4c342c3511055" in page_of_week.current_url
    assert "anthropic/claude-haiku-4-5@" in page_of_week.find_element("css selector", "main").text


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
    until(lambda: selected(page) == "span9999")
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


@pytest.mark.parametrize("go", [to_the_rate_by_mouse, to_the_rate_by_keyboard])
def test_a_live_service_leads_to_the_rate_too(tmp_path: Path, go: Any) -> None:
    """A million characters, markup and control characters arrive as names and tags of a service, and stay text."""
    live = LiveCalls(tmp_path, PricingChoice())
    questions = Questions(live.engine, PricingChoice(), detectors.rules(None), "here")
    with serving(questions, live.receive) as served, browsing(served) as driver:
        until(lambda: "No model call yet" in driver.page_source)
        long = HOSTILE + "x" * 1_000_000
        root = span(1, 1, None, 0, name=long, app__feature=long)
        send(
            served, root, *(chat(1, 2 + at, "gpt-4o", 10**at, parent=1, at_s=at, app__feature=long) for at in range(4))
        )
        until(lambda: driver.find_elements("css selector", "a[href^='/trace']"))
        title = driver.title
        go(driver, zooms=1)
        shown = driver.find_element("css selector", "main").text
        assert "openai/gpt-4o@" in shown
        assert "(1,000,0" in shown
        assert len(shown) < 10_000
        assert driver.find_elements("css selector", "main img") == []
        assert driver.title != "1" != title
    live.close()


def send(served: PageServer, *spans: dict[str, Any]) -> None:
    """Send spans as a service does."""
    body = json.dumps(request(*spans)).encode()
    sent = urllib.request.Request(f"{served.endpoint}/v1/traces", body, {"content-type": "application/json"})
    urllib.request.urlopen(sent)
