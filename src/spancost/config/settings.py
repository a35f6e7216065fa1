# SPDX-License-Identifier: Apache-2.0
"""Settings: arguments win over the environment (`SPANCOST_*`), which wins over a file.

What people write is validated by pydantic, which is loaded only when something was written.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypedDict, get_type_hints

from spancost.config import attribute_sets
from spancost.config import tags as tag_names
from spancost.config.settings_file import SettingsError as SettingsError
from spancost.config.settings_file import read_settings

LOGGER = logging.getLogger("spancost")
PREFIX = "SPANCOST_"
FILE_VARIABLE = "SPANCOST_CONFIG_FILE"


def _setting(default: Any, description: str) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True)
class Settings:
    """Everything that can be set; each field's description is its documentation.

    A wrong value raises SettingsError. A path is taken for a string, and any sequence for a tuple.
    """

    enabled: bool = _setting(True, "Whether spancost is enabled.")
    card: str | None = _setting(
        None,
        "The rate card: a file, or the version of a released card. Defaults to the newest bundled card.",
    )
    contract: str | None = _setting(
        None,
        "The contract to apply to the rate card: a YAML file, or the output of `spancost contract`.",
    )
    account_facts: tuple[str, ...] = _setting(
        (),
        "Facts of your accounts for calls that do not report them, each as `provider:fact=value`, such as "
        "`azure.ai.openai:deployment_type=data zone`.",
    )
    strategy: Literal["auto", "hook", "wrap", "on_end"] = _setting(
        "auto",
        "How attributes are written on a span that ends. `auto` selects the best one for the installed SDK.",
    )
    attributes: tuple[str, ...] = _setting(
        ("full",),
        "The attributes to write on the span of a call: `full`, `standard` (without those that follow from the rest of "
        "the span), `lean` (cost, status, pricing version), names of attributes, or several of these.",
    )
    rollup: bool = _setting(True, "Whether ancestors of a call get totals (`llm.subtree_*`, `llm.trace_*`).")
    keep_provider: bool = _setting(False, "Whether an `llm.provider` that another tool wrote is kept unchanged.")
    read_responses: bool = _setting(
        True,
        "Whether usage that no attribute reports is read from the usage member of the provider's response, if the "
        "instrumentation stored that response in an attribute. No other part of the response is kept.",
    )
    emitters: str | None = _setting(
        None,
        "A file (YAML or JSON) that maps the attributes of emitters without a built-in dialect, and sets the provider "
        "of calls whose spans name none.",
    )
    max_open_parents: int = _setting(
        32768, "Minimum number of open spans with costs that are kept; when more are open, the oldest are evicted."
    )
    tags: tuple[str, ...] = _setting(
        (), "Short names of your own attribution tags, each as `name=app.attribute`, such as `release=app.release`."
    )
    required_tags: tuple[str, ...] = _setting(
        (), "Tags that every call must have. A call without one gets `app.attribution_missing` and is counted."
    )
    baggage: Literal["off", "send", "accept", "both"] = _setting(
        "off",
        "Whether attribution is sent to other services in the W3C baggage header. It is never sent to a known model "
        "provider, or to an unknown destination.",
    )
    baggage_keys: tuple[str, ...] = _setting((), "The tags that may be sent or accepted through baggage.")
    baggage_hosts: tuple[str, ...] = _setting(
        (), "The hosts, with their subdomains, that tags are sent to. Defaults to all hosts except known providers."
    )
    metrics: bool = _setting(True, "Whether spend is reported as metrics, once a meter provider is set up.")
    metric_tags: tuple[str, ...] = _setting(
        tag_names.METRIC_TAGS,
        "The attributes of the metrics, by short name or as `app.*`. Names that begin with `+` or `-` change the "
        "default instead of replacing it.",
    )
    metric_histogram: bool = _setting(
        False, "Whether the histogram `llm.request.cost.usd` is recorded too, with the call's span as exemplar."
    )
    events: Literal["off", "calls"] = _setting(
        "off",
        "Whether each counted call is emitted as an OpenTelemetry event `llm.request` too, once a logger provider is "
        "set up.",
    )
    detectors: str = _setting(
        "auto",
        "Whether anomalies of spend are detected: `on`, `off`, a file of rules over the bundled ones, or `auto`: where "
        "somebody is told of them (a logger provider, listeners of anomalies, `at_anomaly: block`) or each call has a "
        "record anyway. Metrics alone need no records.",
    )
    at_anomaly: Literal["report", "block"] = _setting(
        "report",
        "What follows from an anomaly beside its report. With `block`, capture stops the next call of the trace, for "
        "rules with `blocks`.",
    )
    capture_providers: tuple[str, ...] = _setting(
        (),
        "For capture, the provider of hosts that are not listed: each as `host=provider`, optionally with a port.",
    )
    capture_include_usage: bool = _setting(
        False,
        "Whether capture adds `stream_options.include_usage` to OpenAI-wire streams of httpx and httpx2 without it. "
        "This changes the request.",
    )
    capture_estimate_missing: bool = _setting(
        False,
        "Whether capture estimates tokens that a stream did not report from the length of its text. "
        "An estimate is marked as such.",
    )
    budgets: str | None = _setting(
        None, "A file of budgets (YAML or JSON). Capture refuses calls that exceed one before they are sent."
    )
    budget: tuple[str, ...] = _setting(
        (),
        "Budgets of one line each, `SUBJECT:USD/WINDOW`, such as `trace:5`, `total:200/month` or "
        "`workspace_id:20/day`, beside those of the file.",
    )
    budget_store: str | None = _setting(
        None,
        "Where budgets are kept: `memory` (the process, the default), `sqlite:FILE` (the processes of one host), or "
        "`valkey://HOST:PORT/DB` and `redis://HOST:PORT/DB` (a fleet).",
    )

    def __post_init__(self) -> None:
        given = {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not each.default}
        if not given:
            return
        values, errors = _validate("Settings", given)
        if errors:
            raise SettingsError("; ".join(errors))
        for name, value in values.items():
            object.__setattr__(self, name, value)


class Arguments(TypedDict, total=False):
    """The settings as keyword arguments; a path does for `card`, `contract` and `emitters`, any sequence for a list."""

    enabled: bool
    card: str | os.PathLike[str] | None
    contract: str | os.PathLike[str] | None
    account_facts: Sequence[str]
    strategy: Literal["auto", "hook", "wrap", "on_end"]
    attributes: Sequence[str]
    rollup: bool
    keep_provider: bool
    read_responses: bool
    emitters: str | os.PathLike[str] | None
    max_open_parents: int
    tags: Sequence[str]
    required_tags: Sequence[str]
    baggage: Literal["off", "send", "accept", "both"]
    baggage_keys: Sequence[str]
    baggage_hosts: Sequence[str]
    metrics: bool
    metric_tags: Sequence[str]
    metric_histogram: bool
    events: Literal["off", "calls"]
    detectors: str | os.PathLike[str]
    at_anomaly: Literal["report", "block"]
    capture_providers: Sequence[str]
    capture_include_usage: bool
    capture_estimate_missing: bool
    budgets: str | os.PathLike[str] | None
    budget: Sequence[str]
    budget_store: str | None


_LISTS = frozenset(field.name for field in fields(Settings) if isinstance(field.default, tuple))
BOUNDS: Mapping[str, tuple[int, int]] = {"max_open_parents": (1, 10_000_000)}
"""Least and greatest value of the settings that are numbers."""
PAIRS = frozenset({"capture_providers", "tags"})
"""Lists of `name=value`."""
TAG_LISTS = frozenset({"required_tags", "baggage_keys"})
"""Lists of names of tags."""


FORMER: Mapping[str, str] = {"capture_sellers": "capture_providers"}
"""Names of settings before 2026-11-30, which are still taken, and what they are called now."""


def load(
    arguments: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    strict: bool = False,
    base: Settings | None = None,
) -> Settings:
    """Return the settings in force: *arguments* over *base*, or over the environment and the file when it is None.

    Wrong *arguments* raise SettingsError: they are in the program. What the environment or the file holds wrongly is
    logged and left at its default, because a deployment must not stop the host; with *strict* it raises as well.
    """
    if base is None:
        environ = os.environ if environ is None else environ
        base = Settings()
        for where, given in _sources(environ, strict):
            base = _merge(base, where, given, strict=strict)
    return _merge(base, "argument", arguments or {}, strict=True)


def load_safely(arguments: Mapping[str, Any], base: Settings | None = None) -> Settings:
    """Return what `load` does, but log and leave out each wrong argument: for instrumentors, which must not raise."""
    return _merge(load(base=base), "argument", arguments, strict=False)


def _sources(environ: Mapping[str, str], strict: bool) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the file's settings, then the environment's, each with the words that lead to a key there."""
    found = {
        (name := variable[len(PREFIX) :].lower()): _split(name, value)
        for variable, value in environ.items()
        if variable.startswith(PREFIX) and variable != FILE_VARIABLE and value
    }
    sources: list[tuple[str, Mapping[str, Any]]] = [("environment", found)] if found else []
    path = environ.get(FILE_VARIABLE)
    if path:
        try:
            sources.insert(0, (path, read_settings(Path(path))))
        except SettingsError as error:
            if strict:
                raise
            LOGGER.error("spancost: %s; the file is left out", error)
    return sources


def _split(name: str, text: str) -> Any:
    """Return a variable's text as pydantic takes it: lists are separated by commas."""
    if FORMER.get(name, name) in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _merge(settings: Settings, where: str, given: Mapping[str, Any], *, strict: bool) -> Settings:
    """Return *settings* with *given* over them; what is wrong is raised (*strict*) or logged and left out."""
    if not given:
        return settings
    values, errors = _validate(where, _present_names(where, given))
    if errors and strict:
        raise SettingsError("; ".join(errors))
    for error in errors:
        LOGGER.error("spancost: %s; %s", error, "it is left out" if where == "argument" else "the default is used")
    return replace(settings, **values)


def _present_names(where: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return *given* under the present names of settings; a former name is logged once, and yields to the present."""
    if not FORMER.keys() & given.keys():
        return given
    for former in sorted(FORMER.keys() & given.keys()):
        warn_of_former_name(_place_of(where, former), _place_of(where, FORMER[former]))
    present = {FORMER[key]: value for key, value in given.items() if key in FORMER}
    present.update((key, value) for key, value in given.items() if key not in FORMER)
    return present


@cache
def warn_of_former_name(former: str, present: str) -> None:
    """Log, once in a process, that something was given under its former name."""
    LOGGER.warning("spancost: %s is now called %s; the former name still works", former, present)


def _place_of(where: str, key: str) -> str:
    return f"{PREFIX}{key.upper()}" if where == "environment" else f"{where}: {key}"


def _validate(where: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of *given* that are right, by key, and a sentence for each that is not."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    kinds = get_type_hints(Settings)
    config = ConfigDict(str_strip_whitespace=True)
    values: dict[str, Any] = {}
    errors: list[str] = []
    known = sorted(field.name for field in fields(Settings))
    for key, value in sorted(given.items(), key=lambda item: item[0] != "tags"):  # they give other settings names
        name = _place_of(where, key)
        if key not in known:
            errors.append(f"{name}: found an unknown setting; expected one of {', '.join(known)}")
            continue
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        try:
            value = TypeAdapter(kinds[key], config=config).validate_python(value)
        except ValidationError as error:
            wanted = "; ".join(sorted({detail["msg"] for detail in error.errors(include_url=False)}))
            errors.append(f"{name}: found {_short(value)}; expected: {wanted}")
            continue
        least, greatest = BOUNDS.get(key, (None, None))
        if least is not None and greatest is not None and not least <= value <= greatest:
            errors.append(f"{name}: found {_short(value)}; expected a number from {least} to {greatest}")
            continue
        if key in PAIRS and (odd := next((part for part in value if not all(part.partition("="))), None)) is not None:
            errors.append(f"{name}: found {_short(odd)}; expected parts of the form name=value")
            continue
        try:
            if key == "attributes":
                attribute_sets.check(value)
            _check_tags(key, value)
        except ValueError as error:
            errors.append(f"{name}: {error}")
            continue
        values[key] = value
    return values, errors


def _check_tags(key: str, value: Any) -> None:
    """Raise ValueError when a setting names a tag that is unknown; register the names that it defines."""
    if key == "tags":
        tag_names.register(dict(pair.split("=", 1) for pair in value))
    elif key in TAG_LISTS:
        for name in value:
            tag_names.attribute_of(name)
    elif key == "metric_tags":
        tag_names.metric_attributes(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
