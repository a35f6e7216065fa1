# SPDX-License-Identifier: Apache-2.0
"""Switches capture on and off, by hand or by `opentelemetry-instrument`."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined,unused-ignore]

from spancost import __version__
from spancost.capture import aiohttp_driver, botocore_driver, httpx_driver, requests_driver, stop_boundary
from spancost.capture.calls import Capture
from spancost.capture.existing_span import SpanAdoption
from spancost.capture.patching import Patches
from spancost.config import data
from spancost.config.pricers import prices
from spancost.config.settings import Settings, load, load_safely, warn_of_former_name
from spancost.control import guards

LOGGER = logging.getLogger("spancost")
SCOPE = "spancost.capture"
DRIVERS = {
    "requests": requests_driver.install,
    "aiohttp": aiohttp_driver.install,
    "botocore.httpsession": botocore_driver.install,
}
ARGUMENTS = {"include_usage": "capture_include_usage", "estimate_missing": "capture_estimate_missing"}
"""Arguments of `instrument()`, and the settings they are."""


class CaptureInstrumentor(BaseInstrumentor):  # type: ignore[misc,unused-ignore]
    """Captures the model calls of httpx, httpx2, requests, aiohttp and botocore clients, as soon as these are imported.

    What is not given is as the settings `capture_*` say (see `Settings`), off by default. With the setting `enabled`
    false, nothing is captured. gRPC and websockets are not seen.

    Attributes:
        tracer_provider: Keyword argument of `instrument()`: where spans go; the global one by default.
        settings: Keyword argument of `instrument()`: takes the place of the environment and the file.
        providers: Keyword argument of `instrument()`: the provider of each private host (`{"llm.internal": "vllm"}`).
        include_usage: Keyword argument of `instrument()`: adds `stream_options.include_usage` to OpenAI-wire streams of
            httpx and httpx2 that lack it, and so changes the request.
        estimate_missing: Keyword argument of `instrument()`: estimates the tokens that a stream did not report by the
            length of its text.
        guards: Keyword argument of `instrument()`: the guards (`Guards`), instead of those of the process.
    """

    _patches: Patches | None = None
    _capture: Capture | None = None
    _admission: guards.Admission | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return nothing: a client that is not installed is left out."""
        return ()

    @property
    def stats(self) -> Mapping[str, int]:
        """Counts since `instrument()`: calls by outcome, calls stopped by a guard, errors of ours by place."""
        return {} if self._capture is None else self._capture.counts.snapshot()

    def _instrument(self, **kwargs: Any) -> None:
        try:
            settings = _settings(kwargs)
            if not settings.enabled:
                return
            tracer = trace.get_tracer(SCOPE, __version__, tracer_provider=kwargs.get("tracer_provider"))
            self._capture = Capture(
                data.default_wires(),
                tracer,
                prices(settings),
                SpanAdoption(data.default_dialects()),
                providers=_providers(settings),
                guards=kwargs.get("guards") or guards.PROCESS,
                estimates=settings.capture_estimate_missing,
                resource=partial(_resource, kwargs.get("tracer_provider")),
            )
            if settings.budgets is not None or settings.budget:
                # Loaded for those who have budgets only.
                from spancost.control.budgets import setup

                self._admission = setup.enforce(settings, self._capture.guards)
            self._patches = patches = Patches(self._capture.counts.fault)
            capture = self._capture
            asks = settings.capture_include_usage
            for name in ("httpx", "httpx2"):
                patches.when_imported(
                    name, partial(httpx_driver.install, capture=capture, patches=patches, include_usage=asks)
                )
            for name in stop_boundary.ENTRIES:
                patches.when_imported(name, partial(stop_boundary.install, patches=patches))
            for name, driver in DRIVERS.items():
                patches.when_imported(name, partial(driver, capture=capture, patches=patches))
        except Exception as error:
            LOGGER.error("spancost: capture could not be switched on (%s)", type(error).__name__)
            self._uninstrument()

    def after_fork(self) -> None:
        """Go on in a forked child."""
        if self._capture is not None:
            self._capture.counts.renew_lock()
            self._capture.claims.renew_lock()

    def _uninstrument(self, **kwargs: Any) -> None:
        if self._capture is not None:
            self._capture.is_on = False
            guards_of = self._capture.guards
            if self._admission is not None and guards_of.admission is self._admission:
                guards_of.admission = None
            self._admission = None
        if self._patches is not None:
            self._patches.restore()
            self._patches = None


def _resource(tracer_provider: Any) -> Any:
    return getattr(tracer_provider or trace.get_tracer_provider(), "resource", None)


def _settings(kwargs: Mapping[str, Any]) -> Settings:
    """Return the settings in force under the arguments of `instrument()`; wrong ones are logged and left out."""
    base = load(base=kwargs.get("settings"))
    given = {name: kwargs[key] for key, name in ARGUMENTS.items() if kwargs.get(key) is not None}
    providers = kwargs.get("providers")
    if providers is None and (providers := kwargs.get("sellers")) is not None:
        warn_of_former_name("argument: sellers", "argument: providers")
    if isinstance(providers, Mapping):
        pairs = (f"{host}={provider}" for host, provider in providers.items())
        given["capture_providers"] = (*base.capture_providers, *pairs)
    elif providers is not None:
        given["capture_providers"] = providers
    return load_safely(given, base)


def _providers(settings: Settings) -> dict[str, str]:
    """Return the providers of hosts that the settings name; of two for one host, the later."""
    pairs = (pair.partition("=") for pair in settings.capture_providers)
    return {host.strip().lower(): provider.strip() for host, _, provider in pairs}


if hasattr(os, "register_at_fork"):
    # The instrumentor is one for the process, as OpenTelemetry makes them.
    os.register_at_fork(after_in_child=lambda: CaptureInstrumentor().after_fork())
