# SPDX-License-Identifier: Apache-2.0
"""Attribution across services in the W3C baggage header: off by default, allow-listed, never to model providers.

OpenTelemetry's own baggage goes to every host an instrumented client calls, model providers included. Here it goes only
where the destination is known, which the span of the HTTP client says, and is no provider.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import baggage, trace
from opentelemetry.context import Context, get_current
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)

from spancost.config import data
from spancost.config.settings import Settings
from spancost.config.tags import ATTRIBUTES, attribute_of
from spancost.otel import attribution

LOGGER = logging.getLogger("spancost")
VALUE = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
"""What a tag may be to travel: text that every language encodes and decodes alike, of bounded length."""

HOST_ATTRIBUTES = ("server.address", "net.peer.name", "http.host")
URL_ATTRIBUTES = ("url.full", "http.url")
"""Where spans of HTTP clients say which host they call, in the newer and the older semantic conventions."""
_OUTGOING = frozenset((trace.SpanKind.CLIENT, trace.SpanKind.PRODUCER))


class AttributionPropagator(TextMapPropagator):
    """Wraps the propagator in use: adds the tags named in *tags* to what goes out, and takes them from what comes in.

    *is_provider* says whether a host belongs to a model provider: it gets no baggage at all, the application's own
    neither. *hosts*, when given, are the only destinations (with their subdomains) that get tags.

    counts: baggage_withheld, requests to a provider that were given no baggage; baggage_unknown_host, requests given no
    tags because their destination is not known; baggage_refused, tags that may not travel; errors_baggage, our errors.
    """

    def __init__(
        self,
        inner: TextMapPropagator,
        tags: Iterable[str],
        is_provider: Callable[[str], bool],
        *,
        send: bool,
        accept: bool,
        hosts: Iterable[str] = (),
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._inner = inner
        self._attributes = tuple(attribute_of(tag) for tag in tags)
        self._ours = frozenset((*ATTRIBUTES.values(), *self._attributes))
        self._is_provider = is_provider
        self._send = send
        self._accept = accept
        self._hosts = tuple(host.lower().lstrip(".") for host in hosts)

    @property
    def fields(self) -> set[str]:
        """The header names that the wrapped propagator sets."""
        return self._inner.fields

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        """Set the headers of the wrapped propagator, with the baggage that may go where the current span goes."""
        context = get_current() if context is None else context
        try:
            context = self._outgoing(context)
        except Exception:  # what is not understood is not sent
            self.counts["errors_baggage"] += 1
            context = baggage.clear(context)
        self._inner.inject(carrier, context, setter)

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        """Return the context of the wrapped propagator, with the allowed tags in force when they are accepted."""
        context = self._inner.extract(carrier, context, getter)
        try:
            return self._incoming(context) if self._accept else context
        except Exception:
            self.counts["errors_baggage"] += 1
            return context

    def _outgoing(self, context: Context) -> Context:
        host = destination(context)
        if host is not None and self._is_provider(host):
            self.counts["baggage_withheld"] += 1
            return baggage.clear(context)
        for key in self._ours.intersection(baggage.get_all(context)):
            context = baggage.remove_baggage(key, context)
        tags = attribution.tags(context)
        if not self._send or not tags:
            return context
        if host is None or not self._may_have(host):
            self.counts["baggage_unknown_host"] += host is None
            return context
        for key, value in self._allowed(tags).items():
            context = baggage.set_baggage(key, value, context)
        return context

    def _incoming(self, context: Context) -> Context:
        found = self._allowed(baggage.get_all(context))
        return attribution.with_tags({**found, **attribution.tags(context)}, context) if found else context

    def _allowed(self, tags: Mapping[str, object]) -> dict[str, str]:
        """Return the tags of *tags* that are allow-listed and fit to travel."""
        kept: dict[str, str] = {}
        for key in self._attributes:
            value = tags.get(key)
            if isinstance(value, str) and VALUE.fullmatch(value):
                kept[key] = value
            elif value is not None:
                self.counts["baggage_refused"] += 1
        return kept

    def _may_have(self, host: str) -> bool:
        return not self._hosts or any(host == allowed or host.endswith(f".{allowed}") for allowed in self._hosts)


def destination(context: Context) -> str | None:
    """Return the host, in lower case, that the client span of *context* calls; None when it does not say."""
    span: Any = trace.get_current_span(context)
    attributes: Mapping[str, object] | None = getattr(span, "attributes", None)
    if not attributes or getattr(span, "kind", None) not in _OUTGOING:
        return None
    for key in URL_ATTRIBUTES:
        url = attributes.get(key)
        if isinstance(url, str) and (host := urlsplit(url).hostname):
            return _plain(host)
    for key in HOST_ATTRIBUTES:
        name = attributes.get(key)
        if isinstance(name, str) and name:
            return _plain(urlsplit(f"//{name}").hostname or name)
    return None


def _plain(host: str) -> str:
    """Return *host* as it is compared: in lower case, without the dot that says that a name is whole."""
    return host.lower().rstrip(".")


def install(settings: Settings) -> AttributionPropagator:
    """Put an `AttributionPropagator` around the propagator in use, unless one is there; return the one in use.

    Hosts of providers are those of the rate card's names.
    """
    from opentelemetry import propagate  # it looks for entry points: 10 ms that only this feature is to cost

    inner = propagate.get_global_textmap()
    if isinstance(inner, AttributionPropagator):
        return inner
    if "baggage" not in inner.fields:
        LOGGER.warning("spancost: baggage is switched on but not among the propagators in use (OTEL_PROPAGATORS)")
    propagator = AttributionPropagator(
        inner,
        settings.baggage_keys,
        lambda host: bool(data.default_names().at_host(host)),
        send=settings.baggage in ("send", "both"),
        accept=settings.baggage in ("accept", "both"),
        hosts=settings.baggage_hosts,
    )
    propagate.set_global_textmap(propagator)
    return propagator
