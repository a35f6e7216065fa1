# SPDX-License-Identifier: Apache-2.0
"""The option that widens the live tests to every instrumentation."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--live", action="store_true", help="run the whole matrix; needs tests/live/requirements.txt")
