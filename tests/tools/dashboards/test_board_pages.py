# SPDX-License-Identifier: Apache-2.0
"""Each board has a page that names its panels, and every link of the page leads to a heading that exists."""

from __future__ import annotations

import re

import pytest

from tools.dashboards import board_page
from tools.dashboards.preview_page import WIDTH
from tools.dashboards.table import PROMETHEUS, Board, boards

BOARDS = [pytest.param(board, id=board.id) for board in boards()]
LARGEST_PICTURE = 150_000
ANCHORED = re.compile(r"\]\(([^)#\s:]+)#([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}


def test_there_is_a_page_for_each_board_and_no_other() -> None:
    assert set(board_page.PAGES.glob("*")) == {board_page.path(board) for board in boards()}


@pytest.mark.parametrize("board", BOARDS)
def test_a_page_names_each_panel_with_its_question_and_what_to_do(board: Board) -> None:
    text = board_page.path(board).read_text(encoding="utf-8")
    assert text.count("```promql") == len(board.of(PROMETHEUS))
    for panel in board.panels:
        assert f"| {panel.title} | {panel.question} |" in text
    assert all(panel.action for panel in board.panels if PROMETHEUS not in panel.queries), "spans lead to a trace"


@pytest.mark.parametrize("board", BOARDS)
def test_a_page_shows_a_picture_of_its_board(board: Board) -> None:
    """`make board-pictures` draws it."""
    picture = board_page.picture(board)
    text = board_page.path(board).read_text(encoding="utf-8")
    assert f"](../pictures/{picture.name})" in text
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG") and len(content) < LARGEST_PICTURE
    assert int.from_bytes(content[16:20], "big") == WIDTH


@pytest.mark.parametrize("board", BOARDS)
def test_links_to_headings_lead_somewhere(board: Board) -> None:
    path = board_page.path(board)
    links = ANCHORED.findall(path.read_text(encoding="utf-8"))
    assert links
    for page, anchor in links:
        assert anchor in anchors((path.parent / page).read_text(encoding="utf-8")), f"{page}#{anchor}"


@pytest.mark.parametrize("board", BOARDS)
def test_a_query_on_a_page_is_the_one_of_the_board(board: Board) -> None:
    """Only the filters and line breaks differ."""
    text = board_page.path(board).read_text(encoding="utf-8")
    shown = [" ".join(found.split()) for found in re.findall(r"```promql\n(.*?)```", text, re.DOTALL)]
    given = [panel.queries[PROMETHEUS] for panel in board.of(PROMETHEUS)]
    assert shown == [" ".join(re.sub(r"\{\$where\}|\$where,", "", query).split()) for query in given]
