# SPDX-License-Identifier: Apache-2.0
"""What the doctor has to say, one thing at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FINE = "fine"
NOTE = "note"
PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing found: its section, how it stands (FINE, NOTE, PROBLEM), and what to do ("" for nothing).

    facts: the same for programs, with stable keys.
    """

    section: str
    level: str
    text: str
    fix: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
