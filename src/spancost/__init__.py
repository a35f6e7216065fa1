# SPDX-License-Identifier: Apache-2.0
"""A correct, versioned dollar cost on every LLM call in an OpenTelemetry trace, and totals on every span above it.

The public names are loaded when they are first used, so that `import spancost` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spancost.attributing import attribution
    from spancost.outcome import record_outcome
    from spancost.processor import LLMCostProcessor
    from spancost.settings import Settings, SettingsError

__version__ = "0.1.0"

__all__ = ["LLMCostProcessor", "Settings", "SettingsError", "__version__", "attribution", "record_outcome"]

_HOMES = {
    "LLMCostProcessor": "spancost.processor",
    "Settings": "spancost.settings",
    "SettingsError": "spancost.settings",
    "attribution": "spancost.attributing",
    "record_outcome": "spancost.outcome",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
