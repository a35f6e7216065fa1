# SPDX-License-Identifier: Apache-2.0
"""Findings about the environment: versions, settings, rate card, SDK, instrumentations, propagators."""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from importlib.metadata import PackageNotFoundError, distributions, entry_points, version
from pathlib import Path

from opentelemetry import propagate

from spancost.config import contracts, data
from spancost.config.settings import Settings, SettingsError, load
from spancost.core.contract.terms import ContractError
from spancost.core.pricing.card import CardError
from spancost.diagnose.contract_names import unknown_names
from spancost.diagnose.doctor.budgets import inspect_budgets
from spancost.diagnose.doctor.findings import FINE, NOTE, PROBLEM, Finding
from spancost.diagnose.doctor.instrumentations import of_packages
from spancost.diagnose.format_count import format_count
from spancost.otel.baggage import AttributionPropagator
from spancost.otel.processor import strategy as strategies
from spancost.otel.sampling import NAME as RECORD_ALL
from spancost.otel.sampling import RECORD_MICROSECONDS

VERSIONS = "Versions"
CARD = "Rate card"
CONTRACT = "Contract"
SETTINGS = "Settings"
SDK = "OpenTelemetry SDK"
INSTRUMENTATIONS = "Instrumentations"
BAGGAGE = "Baggage"
UNSEEN = "Known blind spots"

OLD_DAYS = 45
"""Age in days from which a card gives a warning; providers change prices every few weeks."""
_PACKAGES = (
    "spancost",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation",
    "opentelemetry-exporter-otlp",
)
_STRATEGIES = {
    strategies.HOOK: "attributes are written in the SDK's ending hook; every exporter sees them",
    strategies.WRAP: "span.end is wrapped (this SDK has no ending hook); every exporter sees the attributes",
    strategies.ON_END: "only exporters registered after the processor see the attributes",
}
_GROUPS = ("opentelemetry_instrumentor", "openinference_instrumentor")
_OURS = ("spancost", "spancost_capture")
NOT_SEEN = (
    "Spans that a sampler drops: they do not exist. record_all(sampler) keeps them; capture counts calls without them.",
    "Calls over gRPC and websockets (realtime voice, Vertex over gRPC): capture reads HTTP only. An instrumentation of "
    "the client may report them.",
    "Streams that are not read to the end, and OpenAI streams without include_usage: they carry no token counts.",
    "Batches: calls are priced where the results are read, not where they are sent.",
    "Other items of an invoice: credits, commitments, taxes, storage, fine-tuning.",
)


def inspect_environment() -> Iterator[Finding]:
    """Yield the findings about this process's environment."""
    yield from versions()
    settings, faults = _settings()
    yield from faults
    yield from card(settings)
    yield from contract(settings)
    yield from inspect_budgets(settings)
    yield _sdk(settings)
    yield from _sampling()
    yield from _instrumentations()
    yield from of_packages({found.name.lower(): found.version for found in distributions() if found.name})
    yield baggage_finding(settings, sorted(propagate.get_global_textmap().fields))


def versions() -> Iterator[Finding]:
    """Yield the versions of Python and the packages."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    text = "\n".join(f"{name} {number}" for name, number in found.items())
    yield Finding(VERSIONS, FINE, text, "", found)


def card(settings: Settings, today: date | None = None) -> Iterator[Finding]:
    """Yield the rate card in use and its age."""
    try:
        if settings.card is None:
            found, origin = data.default_card(), "bundled"
        else:
            found, origin = data.card_named(settings.card), "SPANCOST_CARD"
    except CardError as error:
        fix = "Set SPANCOST_CARD to a compiled card, or to one of: " + ", ".join(data.versions())
        yield Finding(CARD, PROBLEM, f"No call is priced: {error}", fix, {"card": settings.card})
        return
    year, month, day = (int(part) for part in found.version.partition("-")[0].split("."))
    age = ((today or date.today()) - date(year, month, day)).days
    facts = {"pricing_version": found.version, "age_days": age, "origin": origin}
    fix = "Update spancost, or set SPANCOST_CARD to a newer card." if age > OLD_DAYS else ""
    level = NOTE if age > OLD_DAYS else FINE
    yield Finding(CARD, level, f"{found.version} ({origin}), {format_count(max(age, 0), 'day')} old", fix, facts)


def contract(settings: Settings) -> Iterator[Finding]:
    """Yield the contract in use; nothing when none is set."""
    if settings.contract is None and not settings.account_facts:
        return
    try:
        agreed = None if settings.contract is None else contracts.load(Path(settings.contract).expanduser())
        found = contracts.with_facts(agreed, settings.account_facts, "SPANCOST_ACCOUNT_FACTS")
        assert found is not None
    except (ContractError, OSError) as error:
        fix = "Correct it, or unset SPANCOST_CONTRACT (and SPANCOST_ACCOUNT_FACTS). Until then every call is unpriced."
        yield Finding(CONTRACT, PROBLEM, f"No call is priced: {error}", fix, {"contract": settings.contract})
        return
    yield Finding(CONTRACT, FINE, f"{found.name}, version +o{found.suffix}", "", {"version": f"+o{found.suffix}"})
    try:
        rates = data.default_card() if settings.card is None else data.card_named(settings.card)
    except CardError:
        return  # said above
    for sentence in unknown_names(found, rates):
        fix = "Correct the name; nothing to do where it is one of your own."
        yield Finding(CONTRACT, NOTE, sentence, fix, {"version": f"+o{found.suffix}"})


def _settings() -> tuple[Settings, list[Finding]]:
    """Return the settings and the findings about them; an invalid setting has its default."""
    try:
        settings = load(strict=True)
    except SettingsError as error:
        fix = "Correct it. Until then the default is used (docs/settings.md)."
        return load(), [Finding(SETTINGS, PROBLEM, str(error), fix, {"error": str(error)})]
    changed = {key: value for key, value in vars(settings).items() if value != getattr(Settings(), key)}
    text = ", ".join(f"{key} = {value!r}" for key, value in changed.items()) or "all settings have their defaults"
    level, fix = (FINE, "") if settings.enabled else (PROBLEM, "Unset SPANCOST_ENABLED: spancost is disabled.")
    return settings, [Finding(SETTINGS, level, text, fix, {key: str(value) for key, value in changed.items()})]


def _sdk(settings: Settings) -> Finding:
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if disabled:
        return Finding(SDK, PROBLEM, "OTEL_SDK_DISABLED is true: no spans are created", "Unset it.", {"disabled": True})
    best = strategies.best()
    used = best if settings.strategy == "auto" else settings.strategy
    fix = "Use a newer opentelemetry-sdk, or unset SPANCOST_STRATEGY." if used == strategies.ON_END else ""
    facts = {"strategy": used, "best": best}
    return Finding(SDK, NOTE if fix else FINE, f"strategy {used}: {_STRATEGIES[used]}", fix, facts)


def _sampling() -> Iterator[Finding]:
    sampler = os.environ.get("OTEL_TRACES_SAMPLER", "")
    if sampler and sampler != RECORD_ALL and "always_on" not in sampler:
        share = os.environ.get("OTEL_TRACES_SAMPLER_ARG", "")
        yield sampling_finding(SDK, f"OTEL_TRACES_SAMPLER={sampler} {share}".rstrip(), sampler)


def sampling_finding(section: str, who: str, sampler: str) -> Finding:
    """Return that *sampler*, set as *who* says, hides spend, and what the remedy costs."""
    text = (
        f"{who}: spans that are not sampled reach no processor, so metrics and totals lack their calls, except those "
        "that capture counts at the HTTP boundary"
    )
    fix = (
        f"Use spancost.record_all(sampler), or OTEL_TRACES_SAMPLER={RECORD_ALL} with the same "
        f"OTEL_TRACES_SAMPLER_ARG: as many spans are exported, and all are counted, for about {RECORD_MICROSECONDS} µs "
        "of CPU for each span that is not exported. Or export all spans, and sample in the Collector after "
        "llm_cost_rollup."
    )
    return Finding(section, NOTE, text, fix, {"sampler": sampler, "remedy_microseconds": RECORD_MICROSECONDS})


def _instrumentations() -> Iterator[Finding]:
    found: dict[str, set[str]] = defaultdict(set)
    for group in _GROUPS:
        for entry in entry_points(group=group):
            found[entry.name].add(entry.dist.name if entry.dist is not None else entry.value)
    others = sorted(set(found) - set(_OURS))
    disabled = {name.strip() for name in os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")} - {""}
    text = f"installed: {', '.join(others) or 'none except spancost'}"
    if disabled:
        text += f"; disabled: {', '.join(sorted(disabled))}"
    facts = {"installed": others, "disabled": sorted(disabled)}
    for ours in _OURS:
        facts[ours] = ["found" if ours in found else "missing"]
    missing = [name for name in _OURS if name not in found]
    fix = f"Reinstall spancost: its entry point {missing[0]} is missing." if missing else ""
    yield Finding(INSTRUMENTATIONS, PROBLEM if missing else FINE, text, fix, facts)
    for name, packages in sorted(found.items()):
        if len(packages) > 1:
            yield Finding(
                INSTRUMENTATIONS,
                NOTE,
                f"{name} is instrumented by {' and '.join(sorted(packages))}: both report each call",
                "Uninstall one of them to get one span per call.",
                {"name": name, "packages": sorted(packages)},
            )


def baggage_finding(settings: Settings, fields: list[str], guarded: bool | None = None) -> Finding:
    """Return what the baggage header may carry out of the process, from the *fields* of the active propagator."""
    facts = {"fields": fields, "setting": settings.baggage, "tags": list(settings.baggage_keys)}
    if guarded is None:
        guarded = settings.baggage != "off" or isinstance(propagate.get_global_textmap(), AttributionPropagator)
    if "baggage" not in fields:
        if settings.baggage != "off":
            fix = "Add baggage to OTEL_PROPAGATORS, or set SPANCOST_BAGGAGE=off."
            return Finding(BAGGAGE, PROBLEM, "SPANCOST_BAGGAGE is on, but no propagator sends baggage", fix, facts)
        return Finding(BAGGAGE, FINE, "no propagator sends baggage", "", facts)
    if guarded:
        keys = ", ".join(settings.baggage_keys) or "no tag"
        hosts = ", ".join(settings.baggage_hosts) or "any host but model providers"
        text = f"guarded: model providers get no baggage; allowed tags: {keys}; allowed hosts: {hosts}"
        return Finding(BAGGAGE, FINE, text, "", facts)
    return Finding(
        BAGGAGE,
        NOTE,
        "a baggage propagator is active and not guarded: baggage of the application and its callers is sent to every "
        "host that an instrumented client calls, including model providers. spancost's own tags are not sent.",
        "Set SPANCOST_BAGGAGE=send, which withholds baggage from model providers, or OTEL_PROPAGATORS=tracecontext.",
        facts,
    )


def unseen() -> Iterator[Finding]:
    """Yield what neither spans nor capture can report."""
    for text in NOT_SEEN:
        yield Finding(UNSEEN, FINE, text)
