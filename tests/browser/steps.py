# SPDX-License-Identifier: Apache-2.0
"""Ways from the spike of the page to the rate of a call, by mouse and by keyboard; a page whose faults are failures."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from spancost.web.server import PageServer
from tests.browser.chromium import chromium, until

ENTER, DOWN, END, TAB = "\ue007", "\ue015", "\ue010", "\ue004"


@contextmanager
def serving(answer: Callable[..., Any], receive: Callable[..., Any] | None = None) -> Iterator[PageServer]:
    """Serve a page."""
    served = PageServer(answer, receive=receive)
    threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield served
    finally:
        served.shutdown()
        served.server_close()


@contextmanager
def browsing(server: PageServer) -> Iterator[Any]:
    """Open the page; at the end there must be no fault in the console, and no request to anybody but the server."""
    driver = chromium()
    try:
        driver.get(server.address)
        yield driver
        faults = [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        addresses = {
            message["params"]["request"]["url"]
            for entry in driver.get_log("performance")
            if (message := json.loads(entry["message"])["message"])["method"] == "Network.requestWillBeSent"
        }
    finally:
        driver.quit()
    assert faults == []
    assert {address.split("/")[2] for address in addresses if address.startswith("http")} == {server.endpoint[7:]}


def spike(page: Any) -> Any:
    """Return the highest bar of the chart."""
    bars = page.find_elements("css selector", ".chart a")
    return max(bars, key=lambda bar: float(bar.get_attribute("aria-label").split("$")[1].split(",")[0]))


def to_the_rate_by_mouse(page: Any, zooms: int, row: int = 1) -> None:
    """Click the spike, *zooms* times, the most expensive trace, and the call in *row* of its tree."""
    for _ in range(zooms):
        before = page.current_url
        spike(page).click()
        until(lambda before=before: page.current_url != before and is_settled(page))
    until(lambda: page.find_elements("css selector", "a[href^='/trace']"))
    page.find_element("css selector", "a[href^='/trace']").click()
    until(lambda: page.find_elements("css selector", "[role=treeitem]"))
    call = page.find_elements("css selector", "[role=treeitem]")[row]
    page.execute_script("arguments[0].dispatchEvent(new MouseEvent('dblclick', {bubbles: true}))", call)
    until(lambda: "/call?" in page.current_url and "Rate" in page.page_source)


def to_the_rate_by_keyboard(page: Any, zooms: int, row: int = 1) -> None:
    """Tab to the spike and Enter, *zooms* times; Tab to a trace, Enter; arrows to *row* of the tree, Enter."""
    for _ in range(zooms):
        before = page.current_url
        tab_to(page, spike(page)).send_keys(ENTER)
        until(lambda before=before: page.current_url != before and is_settled(page))
    tab_to(page, until(lambda: page.find_elements("css selector", "a[href^='/trace']"))[0]).send_keys(ENTER)
    tree = until(lambda: page.find_elements("css selector", ".tree"))[0]
    until(lambda: page.find_elements("css selector", "[role=treeitem]"))
    for _ in range(row):
        tree.send_keys(DOWN)
    until(lambda: selected(page) == f"span{row}")
    tree.send_keys(ENTER)
    until(lambda: "/call?" in page.current_url and "Line items" in page.page_source)


def selected(page: Any) -> str:
    """Return the id of the selected row of the tree, whose rows are made anew as it scrolls."""
    return str(page.execute_script("return document.querySelector('[aria-selected=true]')?.id"))


def is_settled(page: Any) -> bool:
    """Return whether the filtered page is shown with everything that comes later."""
    is_loading = page.find_element("id", "state").text.startswith("Loading")
    return not is_loading and bool(
        page.find_elements("css selector", ".filters a") and not page.find_elements("css selector", "[data-waits]")
    )


def tab_to(page: Any, element: Any) -> Any:
    """Press Tab until *element* has the focus, and return it."""
    for _ in range(200):
        if page.switch_to.active_element == element:
            break
        page.switch_to.active_element.send_keys(TAB)
    assert page.switch_to.active_element == element
    return element
