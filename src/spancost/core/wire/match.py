# SPDX-License-Identifier: Apache-2.0
"""Finds the provider and endpoint of a request: by configuration, host, path, headers and body, in this order.

The model name is never used. This file knows no provider: hosts, paths and signatures are data (semconv/wires).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from spancost.core.wire.estimate import RequestText
from spancost.core.wire.expr import compile_conditions, compile_formula
from spancost.core.wire.path import Getter, Json, Test, WireDataError, compile_getter, compile_test
from spancost.core.wire.shape import Shape, compile_shape

BATCH_JOB = "batch_job"
"""Named part of the path of a batch's results: the id of the job."""
_CACHE_LIMIT = 4096
_LONGEST_KEPT = 512


class Endpoint(NamedTuple):
    """One kind of request of a provider; kind: call, retrieval, batch_result, count_only, admin or none."""

    path: re.Pattern[str]
    methods: frozenset[str] | None
    shape: str | None
    operation: str | None
    kind: str


class Provider(NamedTuple):
    """A provider and its hosts. gateway: its name when it forwards calls; upstream: patterns of the target's name.

    others: paths at the same host that belong to another provider, and its name.
    """

    provider: str | None
    host: re.Pattern[str] | None
    endpoints: tuple[Endpoint, ...]
    use: Mapping[str, str]
    gateway: str | None
    upstream: tuple[re.Pattern[str], ...]
    names: Mapping[str, str]
    others: tuple[tuple[re.Pattern[str], str], ...] = ()


class Target(NamedTuple):
    """What is known of an exchange before its answer: provider (None: the answer's signature decides), shape and kind.

    path: named parts of host and path (model, aws_region, vertex_location, deployment). asked: method, path and model
    of the request, for a gateway that only the answer identifies. use: standard shape -> the provider's own shape.
    """

    provider: str | None
    shape: Shape | None
    operation: str | None
    kind: str
    gateway: str | None
    upstream: str | None
    path: Mapping[str, str]
    asked: tuple[str, str, str] = ("", "", "")
    use: Mapping[str, str] = {}


class Signature(NamedTuple):
    """Identifies the provider or gateway of an answer from an unknown host: a header name or a path in the body."""

    header: re.Pattern[str] | None
    body: Getter | None
    provider: str | None
    gateway: str | None


class Wires:
    """The compiled wire data. Thread-safe: its caches hold only what a new lookup would return."""

    def __init__(self, data: Mapping[str, Json]) -> None:
        self.version: str = data["version"]
        self.shapes = {name: compile_shape(name, shape) for name, shape in data["shapes"].items()}
        sets = {name: tuple(map(_endpoint, rows)) for name, rows in data["sets"].items()}
        self.providers = tuple(_provider(row, sets) for row in data["providers"])
        self.unknown = _provider(data["unknown"], sets)
        self.operations = _operations(sets)
        self.signatures = tuple(_signature(row) for row in data["signatures"])
        self._header_signatures: dict[str, list[Signature]] = {}
        self.header_names = frozenset(re.findall(r"headers\.([a-z0-9-]+)", json.dumps(data)))
        self.estimate = compile_formula(data["estimates"])
        self.text = RequestText(data["text"])
        self.bodies: tuple[tuple[Test | None, str], ...] = tuple(
            (compile_test(row["when"]), row["shape"]) for row in data["bodies"]
        )
        self.reports_usage: Test = compile_conditions(data["usage_at"])
        self._by_name: dict[str, Provider] = {}
        self._gateways = {s.gateway: s for s in reversed(self.providers) if s.gateway}
        for provider in self.providers:
            if provider.provider and not provider.gateway:
                self._by_name.setdefault(provider.provider, provider)
        self._hosts: dict[str, tuple[Provider, Mapping[str, str]] | None] = {}
        self._paths: dict[str, bool] = {}
        self._targets: dict[tuple[str, str, str, str | None, str | None], Target | None] = {}
        posts = (e.path.pattern for e in self.unknown.endpoints if e.kind == "call")
        self._unknown_path = re.compile("|".join(re.sub(r"\?P<[a-z_]+>", "?:", pattern) for pattern in posts))
        self._check()

    @classmethod
    def from_bytes(cls, canonical: bytes) -> Wires:
        """Return the wires of the compiled file; raise WireDataError when it is not valid."""
        try:
            data = json.loads(canonical)
        except ValueError as error:
            raise WireDataError(f"wires: found no JSON ({error}); expected the compiled semconv/wires") from error
        if not isinstance(data, dict) or data.get("kind") != "wires":
            raise WireDataError("wires: found another kind of file; expected kind: wires")
        return cls(data)

    def provider(self, host: str) -> tuple[Provider, Mapping[str, str]] | None:
        """Return the provider at *host* (with or without a port) and the named parts of the host, else None."""
        try:
            return self._hosts[host]
        except KeyError:
            found = self._find(host.lower())
            if len(self._hosts) >= _CACHE_LIMIT:
                self._hosts.clear()
            self._hosts[host] = found
            return found

    def may_match(self, method: str, host: str, path: str) -> bool:
        """Return whether `match` can find anything: the host is a provider's, or the path can be a call's."""
        if self.provider(host) is not None:
            return True
        if method != "POST":
            return False
        known = self._paths.get(path)
        if known is None:
            known = self._unknown_path.search(_tidy(path)) is not None
            if len(self._paths) >= _CACHE_LIMIT:
                self._paths.clear()
            self._paths[path] = known
        return known

    def _find(self, host: str) -> tuple[Provider, Mapping[str, str]] | None:
        bare = re.sub(r":[0-9]+$", "", host)
        for provider in self.providers:
            match = provider.host and (provider.host.fullmatch(bare) or provider.host.fullmatch(host))
            if match:
                return provider, {k: v for k, v in match.groupdict().items() if v}
        return None

    def match(
        self, method: str, host: str, path: str, *, model: str | None = None, provider: str | None = None
    ) -> Target | None:
        """Return the target of a request, None when neither its host nor its path is known.

        model: the model of the request body, which gateways prefix with the provider. provider: from configuration.
        """
        asked = (method, host, path, model, provider)
        try:
            return self._targets[asked]
        except KeyError:
            found = self._match(method, host, path, model, provider)
            if len(self._targets) >= _CACHE_LIMIT:
                self._targets.clear()
            if len(host) + len(path) + len(model or "") <= _LONGEST_KEPT:
                self._targets[asked] = found
            return found

    def _match(self, method: str, host: str, path: str, model: str | None, provider: str | None) -> Target | None:
        if provider:
            found: tuple[Provider, Mapping[str, str]] | None = (self._by_name.get(provider, self.unknown), {})
        else:
            found = self.provider(host)
        matched, parts = found or (self.unknown, {})
        matched = next((self._by_name[name] for at, name in matched.others if at.search(_tidy(path))), matched)
        asked = (method, _tidy(path), model or "")
        target = self._through(matched, asked, parts)
        if target.kind == "none" and method == "POST":
            # Many hosts serve several wires: a path of another known wire is a call too.
            other = _target(self.unknown, self.shapes, asked, parts)
            if other.kind == "call":
                target = other._replace(provider=matched.provider, gateway=target.gateway, upstream=target.upstream)
        if found is None and target.kind == "none":
            return None
        return target._replace(provider=provider) if provider else target

    def _through(self, provider: Provider, asked: tuple[str, str, str], parts: Mapping[str, str]) -> Target:
        names = _upstreams(provider, asked[1], asked[2])
        # A gateway's path may name its own API (`compat`); then the prefix of the model names the provider.
        upstream = next((name for name in names if name in self._by_name), names[0] if names else None)
        behind = self._by_name.get(upstream or "")
        if behind is not None:
            target = _target(behind, self.shapes, asked, parts)
            if target.kind != "none":
                return target._replace(gateway=provider.gateway, upstream=upstream)
        return _target(provider, self.shapes, asked, parts)._replace(gateway=provider.gateway, upstream=upstream)

    def match_headers(self, target: Target, headers: Mapping[str, str]) -> tuple[Target, str | None, str | None]:
        """Return target, provider and gateway according to the answer's headers (lower case)."""
        provider, gateway = target.provider, target.gateway
        # A known host identifies its provider; only an unknown host can stand for another one.
        if provider is None:
            for signature in self._signatures_of(headers):
                provider, gateway = provider or signature.provider, gateway or signature.gateway
        behind = self._gateways.get(gateway or "") if target.provider is None else None
        if behind is not None and target.gateway is None:
            target = self._through(behind, target.asked, target.path)
            provider = provider or target.provider
        elif provider is not None and target.provider is None and gateway is None:
            # A transparent proxy: the provider's own shapes apply. Gateways have their own shapes.
            through = _target(self._by_name.get(provider, self.unknown), self.shapes, target.asked, target.path)
            target = target if through.kind == "none" else through
        return target, provider, gateway

    def _signatures_of(self, headers: Mapping[str, str]) -> list[Signature]:
        # Servers repeat the same few header names, so each name is matched once.
        found: list[Signature] = []
        for name in headers:
            signatures = self._header_signatures.get(name)
            if signatures is None:
                signatures = [s for s in self.signatures if s.header is not None and s.header.fullmatch(name)]
                if len(self._header_signatures) >= _CACHE_LIMIT:
                    self._header_signatures.clear()
                self._header_signatures[name] = signatures
            found += signatures
        return found

    def provider_of_body(self, document: Json) -> str | None:
        """Return the provider whose signature *document* has, None when it has none."""
        for signature in self.signatures:
            if signature.body is not None and signature.body(document) is not None:
                return signature.provider
        return None

    def shape_of_body(self, document: Json) -> Shape | None:
        """Return the shape of *document*, an answer at an unknown path, by its fields."""
        for test, shape in self.bodies:
            if test is not None and test(document):
                return self.shapes[shape]
        return None

    def _check(self) -> None:
        for provider in (*self.providers, self.unknown):
            for endpoint in provider.endpoints:
                name = endpoint.shape and provider.use.get(endpoint.shape, endpoint.shape)
                if name and name not in self.shapes:
                    raise WireDataError(
                        f"provider {provider.provider}: found shape {name!r}; expected a file of shapes/"
                    )


def _target(
    provider: Provider, shapes: Mapping[str, Shape], asked: tuple[str, str, str], parts: Mapping[str, str]
) -> Target:
    method, path, _ = asked
    for endpoint in provider.endpoints:
        if endpoint.methods is not None and method not in endpoint.methods:
            continue
        match = endpoint.path.search(path)
        if match is not None:
            named = {k: unquote(v) for k, v in match.groupdict().items() if v}
            shape = shapes[provider.use.get(endpoint.shape, endpoint.shape)] if endpoint.shape else None
            both = {**parts, **named}
            return Target(
                provider.provider, shape, endpoint.operation, endpoint.kind, None, None, both, asked, provider.use
            )
    return Target(provider.provider, None, None, "none", None, None, parts, asked)


def _operations(sets: Mapping[str, tuple[Endpoint, ...]]) -> dict[str, str]:
    """Return the default operation of each shape: that of its first call endpoint."""
    found: dict[str, str] = {}
    for endpoints in sets.values():
        for endpoint in endpoints:
            if endpoint.kind == "call" and endpoint.shape and endpoint.operation:
                found.setdefault(endpoint.shape, endpoint.operation)
    return found


def _upstreams(provider: Provider, path: str, model: str) -> list[str]:
    found = []
    for pattern in provider.upstream:
        match = pattern.search(path) or pattern.search(f"model:{model}")
        if match:
            name = match.group("name").lower()
            found.append(provider.names.get(name, name))
    return found


def _tidy(path: str) -> str:
    """Return *path* without repeated or trailing slashes."""
    return re.sub("//+", "/", path).rstrip("/")


def _endpoint(row: Mapping[str, Any]) -> Endpoint:
    methods = row.get("method")
    return Endpoint(
        re.compile(row["path"]),
        frozenset(methods) if methods else None,
        row.get("shape"),
        row.get("operation"),
        row.get("kind", "call"),
    )


def _provider(row: Mapping[str, Any], sets: Mapping[str, tuple[Endpoint, ...]]) -> Provider:
    own = tuple(map(_endpoint, row.get("endpoints", ())))
    hosts = row.get("hosts")
    return Provider(
        row.get("provider"),
        re.compile("|".join(hosts)) if hosts else None,
        own + tuple(e for name in row.get("sets", ()) for e in sets[name]),
        row.get("use", {}),
        row.get("gateway"),
        tuple(re.compile(p) for p in row.get("upstream", ())),
        row.get("names", {}),
        tuple((re.compile(other["path"]), other["provider"]) for other in row.get("others", ())),
    )


def _signature(row: Mapping[str, Any]) -> Signature:
    return Signature(
        re.compile(row["header"]) if "header" in row else None,
        compile_getter(row["body"]) if "body" in row else None,
        row.get("provider"),
        row.get("gateway"),
    )
