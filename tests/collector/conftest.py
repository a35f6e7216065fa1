# SPDX-License-Identifier: Apache-2.0
"""One Jaeger for all tests that ask it; each asks for traces of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.collector.jaeger import Jaeger, jaeger


@pytest.fixture(scope="session")
def shown_by(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jaeger]:
    """A Jaeger that runs."""
    with jaeger(tmp_path_factory.mktemp("jaeger")) as running:
        yield running
