# SPDX-License-Identifier: Apache-2.0
"""Capture is on for one test at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.capture.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world with capture on; off again at the end."""
    world = World()
    yield world
    world.capture.uninstrument()
