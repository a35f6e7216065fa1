# SPDX-License-Identifier: Apache-2.0
"""One finding of the doctor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FINE = "fine"
NOTE = "note"
PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One finding: section, level (FINE, NOTE, PROBLEM), text, and fix ("" for none).

    facts: the same as structured data with stable keys.
    """

    section: str
    level: str
    text: str
    fix: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
