# SPDX-License-Identifier: Apache-2.0
"""Settings for every test."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("hypothesis"):  # the environments of the slow lanes have no need of it
    from hypothesis import HealthCheck, settings

    # How fast examples come depends on the machine, and timings gate no test.
    settings.register_profile("spancost", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("spancost")
