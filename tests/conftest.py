# SPDX-License-Identifier: Apache-2.0
"""Settings for every test."""

from __future__ import annotations

import gc
from importlib.util import find_spec

import pytest

if find_spec("hypothesis"):  # the environments of the slow lanes have no need of it
    from hypothesis import HealthCheck, settings

    # How fast examples come depends on the machine, and timings gate no test.
    settings.register_profile("spancost", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("spancost")


@pytest.fixture(autouse=True, scope="module")
def what_lives_on_is_not_collected() -> None:
    """Take what is loaded (modules, rate cards) out of the garbage collector's sight: tests that collect are many."""
    gc.freeze()
