# SPDX-License-Identifier: Apache-2.0
"""Switches capture on and off, by hand or by `opentelemetry-instrument`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined,unused-ignore]

from spancost import __version__, data
from spancost.capture.calls import Capture
from spancost.capture.httpx_driver import HttpxDriver
from spancost.capture.outer import Claims

LOGGER = logging.getLogger("spancost")
SCOPE = "spancost.capture"
MODULES = ("httpx", "httpx2")


class CaptureInstrumentor(BaseInstrumentor):  # type: ignore[misc,unused-ignore]
    """Captures the model calls of httpx and httpx2 clients.

    Keyword arguments of `instrument()`: tracer_provider; sellers, which names the seller of a private host
    (`{"llm.internal": "vllm"}`); include_usage, which adds `stream_options.include_usage` to OpenAI-wire streams that
    lack it, and so changes the request (off by default).
    """

    _drivers: list[HttpxDriver] = []  # noqa: RUF012  (BaseInstrumentor is a singleton, set anew by instrument())
    _capture: Capture | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return nothing: a client that is not installed is left out."""
        return ()

    @property
    def stats(self) -> Mapping[str, int]:
        """Counts since `instrument()`: calls by outcome, calls stopped by a guard, errors of ours by place."""
        return {} if self._capture is None else self._capture.counts.snapshot()

    def _instrument(self, **kwargs: Any) -> None:
        try:
            tracer = trace.get_tracer(SCOPE, __version__, tracer_provider=kwargs.get("tracer_provider"))
            self._capture = Capture(
                data.default_wires(),
                tracer,
                data.default_pricer(),
                Claims(data.default_dialects()),
                sellers=kwargs.get("sellers"),
            )
            self._drivers = []
            seen: list[type] = []
            for name in MODULES:
                # `httpx2.alias_httpx()` makes both names one module, which is wrapped once.
                if find_spec(name) is None or (module := import_module(name)).Client in seen:
                    continue
                seen.append(module.Client)
                driver = HttpxDriver(module, self._capture, include_usage=bool(kwargs.get("include_usage")))
                driver.install()
                self._drivers.append(driver)
        except Exception as error:
            LOGGER.error("spancost: capture could not be switched on (%s)", type(error).__name__)
            self._uninstrument()

    def _uninstrument(self, **kwargs: Any) -> None:
        while self._drivers:
            self._drivers.pop().restore()
