# SPDX-License-Identifier: Apache-2.0
"""Zero code: under `opentelemetry-instrument` the processor joins the tracer provider by itself.

Switched off by `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=spancost` or `SPANCOST_ENABLED=false`. Nothing here raises: an
instrumentor that does stops every one after it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined,unused-ignore]

from spancost.config.settings import Settings, load_safely
from spancost.otel.processor.zero_code import ZeroCodeProcessor
from spancost.run import FOLDER_VARIABLE

LOGGER = logging.getLogger("spancost")
NOT_SETTINGS = frozenset({"settings", "tracer_provider", "meter_provider", "logger_provider"})
"""Arguments of `instrument()` that are no settings; OpenTelemetry gives some of them to every instrumentor."""


class SpancostInstrumentor(BaseInstrumentor):  # type: ignore[misc,unused-ignore]
    """Adds an `LLMCostProcessor` to a tracer provider: `tracer_provider`, or the global one.

    Further keyword arguments of `instrument()` are `settings`, which take the place of the environment and the file,
    and single settings by name (see `Settings`), which win over these.
    """

    _processor: ZeroCodeProcessor | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return nothing: there is no library that must be present."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        try:
            settings = _settings(kwargs)
            if not settings.enabled:
                return
            provider = kwargs.get("tracer_provider") or trace.get_tracer_provider()
            add = getattr(provider, "add_span_processor", None)
            if add is None:
                LOGGER.warning(
                    "spancost: found a %s; expected an SDK tracer provider: no costs are written. Under "
                    "opentelemetry-instrument the package opentelemetry-distro sets one up (pip install "
                    "opentelemetry-distro); in a program, set one up first (trace.set_tracer_provider)",
                    type(provider).__name__,
                )
                return
            self._processor = ZeroCodeProcessor(
                settings,
                meter_provider=kwargs.get("meter_provider"),
                logger_provider=kwargs.get("logger_provider"),
            )
            add(self._processor)
            folder = os.environ.get(FOLDER_VARIABLE)
            if folder:  # `spancost run -- opentelemetry-instrument …`
                from spancost.run.child import recording

                recording(Path(folder)).add_to(provider, with_costs=False)
        except Exception as error:
            LOGGER.error("spancost: could not be switched on (%s); spans leave without costs", type(error).__name__)

    def _uninstrument(self, **kwargs: Any) -> None:
        if self._processor is not None:
            self._processor.disable()
            self._processor = None


def _settings(kwargs: dict[str, Any]) -> Settings:
    """Return the settings among *kwargs* over those of the environment and the file; a wrong one is left out."""
    given = {key: value for key, value in kwargs.items() if key not in NOT_SETTINGS}
    return load_safely(given, kwargs.get("settings"))
