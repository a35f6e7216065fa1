# SPDX-License-Identifier: Apache-2.0
"""The upkeep of prices is tested where their sources are: not in a tree that has the compiled card only."""

from __future__ import annotations

from tests.repository import ROOT

collect_ignore_glob = [] if (ROOT / "pricing" / "units.yaml").exists() else ["test_*.py"]
