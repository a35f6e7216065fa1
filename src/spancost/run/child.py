# SPDX-License-Identifier: Apache-2.0
"""Runs inside the program that `spancost run` starts: adds costs and span recording to every tracer provider.

The program's configuration takes precedence: its providers, exporters and endpoints do not change. A program without
one gets a provider, as under `opentelemetry-instrument`, and every installed instrumentation is enabled.
"""

from __future__ import annotations

import atexit
import functools
import json
import logging
import os
import platform
import sys
import weakref
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.version import __version__ as sdk_version

from spancost.otel.processor import strategy
from spancost.otel.processor.sdk_access import allow_another_provider
from spancost.otel.processor.zero_code import ZeroCodeProcessor
from spancost.run.span_file import SpanFile

LOGGER = logging.getLogger("spancost")
NOTE_SUFFIX = ".note"
GROUP = "opentelemetry_instrumentor"
OURS = "spancost"
"""The entry point of spancost's processor, which every provider gets here in any case."""
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


class Recording:
    """Adds costs to the spans of every provider of this process, and records them in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self.costs = ZeroCodeProcessor()
        self.spans = SpanFile(folder)
        self.samplers: list[str] = []
        self.instrumented: list[str] = []
        self.not_instrumented: dict[str, str] = {}

    def add_to(self, provider: Any, *, with_costs: bool = True) -> None:
        """Add both processors to *provider*, once."""
        if provider in self._seen or not hasattr(provider, "add_span_processor"):
            return
        self._seen.add(provider)
        sampler = getattr(provider, "sampler", None)
        if sampler is not None:
            self.samplers.append(sampler.get_description())
        if with_costs:
            provider.add_span_processor(self.costs)
        provider.add_span_processor(self.spans)

    def note(self) -> None:
        """Write a note about this process next to its spans."""
        costs = self.costs.successor or self.costs
        about = {
            "pid": os.getpid(),
            "program": [Path(sys.executable).name, *sys.argv],
            "python": platform.python_version(),
            "opentelemetry_sdk": sdk_version,
            "strategy": costs.strategy,
            "samplers": self.samplers,
            "has_own_processor": costs is not self.costs,
            "other_settings": self.costs.differences,
            "stats": dict(costs.stats),
            "lost": self.spans.lost,
            "instrumented": self.instrumented,
            "not_instrumented": self.not_instrumented,
            "propagator_fields": sorted(propagate.get_global_textmap().fields),
            "propagator": type(propagate.get_global_textmap()).__name__,
        }
        try:
            (self._folder / f"{os.getpid()}{NOTE_SUFFIX}").write_text(json.dumps(about), encoding="utf-8")
        except OSError:  # the parent process has ended and removed the folder
            LOGGER.debug("spancost: the folder for the note no longer exists")


@functools.cache
def recording(folder: Path) -> Recording:
    """Return the recording of this process; every provider created from now on takes part in it."""
    # Testing the strategies creates providers, so it happens before new providers are recorded.
    strategy.best()
    made = Recording(folder)
    _when_made(made)
    made.note()
    atexit.register(made.note)
    return made


def set_up(folder: Path) -> None:
    """Set up costs and recording before the program runs and configures OpenTelemetry."""
    made = recording(folder)
    # Tracers that instrumentations get now choose their provider at the first span, after the program's setup.
    _instrument(made)
    _offer_default()


def _when_made(made: Recording) -> None:
    begin = TracerProvider.__init__

    @functools.wraps(begin)
    def begin_recorded(provider: TracerProvider, *args: Any, **kwargs: Any) -> None:
        begin(provider, *args, **kwargs)
        made.add_to(provider)

    setattr(TracerProvider, "__init__", begin_recorded)  # noqa: B010


def _instrument(made: Recording) -> None:
    """Enable every installed instrumentation with an installed library, as `opentelemetry-instrument` does."""
    disabled = {name.strip() for name in os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")}
    for entry in entry_points(group=GROUP):
        if entry.name == OURS:
            continue
        if entry.name in disabled or "*" in disabled:
            made.not_instrumented[entry.name] = "disabled"
            continue
        try:
            conflict = get_dist_dependency_conflicts(entry.dist) if entry.dist is not None else None
            if conflict is not None:
                made.not_instrumented[entry.name] = str(conflict)
                continue
            entry.load()().instrument(skip_dep_check=True)
            made.instrumented.append(entry.name)
        except Exception as error:  # a failing instrumentation must not stop the program
            made.not_instrumented[entry.name] = f"{type(error).__name__}: {error}"


def _offer_default() -> None:
    """Set a provider for programs that set none; the first one that the program sets replaces it."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    default = TracerProvider(resource=Resource.create())
    if any(os.environ.get(name) for name in _ENDPOINTS) and _wants_otlp():
        _export(default)
    set_provider = trace.set_tracer_provider
    set_provider(default)

    @functools.wraps(set_provider)
    def set_instead(tracer_provider: trace.TracerProvider) -> None:
        if trace.get_tracer_provider() is default:
            allow_another_provider()
        set_provider(tracer_provider)

    trace.set_tracer_provider = set_instead


def _wants_otlp() -> bool:
    return os.environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() in ("", "otlp")


def _export(provider: TracerProvider) -> None:
    """Export to the endpoint in the environment, as zero-code instrumentation does."""
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

    exporter: SpanExporter
    if next(filter(None, map(os.environ.get, _PROTOCOLS)), "").strip() == "grpc":
        try:
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
        except ImportError:
            LOGGER.error(
                "spancost: found no exporter for OTEL_EXPORTER_OTLP_PROTOCOL=grpc; expected the grpc extra: "
                "pip install 'spancost[grpc]'; spans are exported nowhere"
            )
            return

        exporter = GrpcExporter()
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

        exporter = HttpExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
