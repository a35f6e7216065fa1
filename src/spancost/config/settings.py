# SPDX-License-Identifier: Apache-2.0
"""Settings: arguments win over the environment (`SPANCOST_*`), which wins over a file.

What people write is validated by pydantic, which is loaded only when something was written.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, TypedDict

LOGGER = logging.getLogger("spancost")
PREFIX = "SPANCOST_"
FILE_VARIABLE = "SPANCOST_CONFIG_FILE"
Tag = Literal[
    "feature", "team", "workspace_id", "user_tier", "experiment", "environment", "prompt_name", "prompt_version"
]


class SettingsError(ValueError):
    """A setting cannot be used; the message names where it stands, its key, what was found and what was expected."""


def _setting(default: Any, description: str) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True)
class Settings:
    """Everything that can be set; each field's description is its documentation."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "str_strip_whitespace": True}

    enabled: bool = _setting(True, "Whether spancost does anything at all.")
    card: str | None = _setting(
        None,
        "The rate card to price with: a file, or the version of a released card. The newest one packaged when unset.",
    )
    contract: str | None = _setting(
        None,
        "The contract to price with beside the rate card: a file, as written or as `spancost contract` compiled it.",
    )
    account_facts: tuple[str, ...] = _setting(
        (),
        "Facts of your own accounts, for calls that do not report them: each as `provider:fact=value`, as in "
        "`azure.ai.openai:deployment_type=data zone`.",
    )
    strategy: Literal["auto", "hook", "wrap", "on_end"] = _setting(
        "auto",
        "How attributes get onto a span that ends. `auto` tries out what the installed SDK can do and takes the best.",
    )
    rollup: bool = _setting(True, "Whether the spans above a call carry totals (`llm.subtree_*`, `llm.trace_*`).")
    keep_provider: bool = _setting(
        False, "Whether an `llm.provider` that another tool wrote stays as it is, in its own words."
    )
    read_responses: bool = _setting(
        True,
        "Whether figures that an instrumentation reports nowhere else are taken from the usage member of the "
        "provider's answer, where it put that answer into an attribute. Nothing else of the answer is kept.",
    )
    emitters: str | None = _setting(
        None,
        "A file (YAML or JSON) that says which attributes of emitters that nobody has met tell what, and the provider "
        "of calls whose spans name none.",
    )
    max_open_parents: int = _setting(
        32768, "Spans with cost waiting for their end that are remembered, at least; further ones push out the oldest."
    )
    required_tags: tuple[Tag, ...] = _setting(
        (), "Tags every call must carry. A call that lacks one is marked with `app.attribution_missing` and counted."
    )
    baggage: Literal["off", "send", "accept", "both"] = _setting(
        "off",
        "Whether attribution crosses services in the W3C baggage header. It is never sent to a known model provider, "
        "nor where the destination is not known.",
    )
    baggage_keys: tuple[Tag, ...] = _setting((), "The only tags sent or accepted through baggage.")
    baggage_hosts: tuple[str, ...] = _setting(
        (), "The only hosts, with their subdomains, that tags are sent to; any but known providers when unset."
    )
    capture_providers: tuple[str, ...] = _setting(
        (),
        "Whose models answer at hosts that nobody listed, for capture: each as `host=provider`, a port with its host.",
    )
    capture_include_usage: bool = _setting(
        False,
        "Whether capture adds `stream_options.include_usage` to OpenAI-wire streams of httpx and httpx2 that lack it. "
        "It changes the request.",
    )
    capture_estimate_missing: bool = _setting(
        False,
        "Whether capture estimates the tokens that a stream did not tell by the length of its text. "
        "An estimate is marked, and is not the bill.",
    )


class Arguments(TypedDict, total=False):
    """The settings as keyword arguments; a path does for `card`, `contract` and `emitters`, any sequence for a list."""

    enabled: bool
    card: str | os.PathLike[str] | None
    contract: str | os.PathLike[str] | None
    account_facts: Sequence[str]
    strategy: Literal["auto", "hook", "wrap", "on_end"]
    rollup: bool
    keep_provider: bool
    read_responses: bool
    emitters: str | os.PathLike[str] | None
    max_open_parents: int
    required_tags: Sequence[Tag]
    baggage: Literal["off", "send", "accept", "both"]
    baggage_keys: Sequence[Tag]
    baggage_hosts: Sequence[str]
    capture_providers: Sequence[str]
    capture_include_usage: bool
    capture_estimate_missing: bool


_LISTS = frozenset(field.name for field in fields(Settings) if field.default == ())
BOUNDS: Mapping[str, tuple[int, int]] = {"max_open_parents": (1, 10_000_000)}
"""Least and greatest value of the settings that are numbers."""
PAIRS = frozenset({"capture_providers"})
"""Lists of `name=value`."""


def load(
    arguments: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, *, strict: bool = False
) -> Settings:
    """Return the settings in force.

    Wrong *arguments* raise SettingsError: they are in the program. What the environment or the file holds wrongly is
    logged and left at its default, because a deployment must not stop the host; with *strict* it raises as well.
    """
    environ = os.environ if environ is None else environ
    settings = Settings()
    for where, given in _sources(environ, strict):
        settings = _merge(settings, where, given, strict=strict)
    return _merge(settings, "argument", arguments or {}, strict=True)


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
            sources.insert(0, (path, _read(Path(path))))
        except SettingsError as error:
            if strict:
                raise
            LOGGER.error("spancost: %s; the file is left out", error)
    return sources


def _split(name: str, text: str) -> Any:
    """Return a variable's text as pydantic takes it: lists are separated by commas."""
    if name in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _read(path: Path) -> Mapping[str, Any]:
    """Return the settings of a .json or .toml file; SettingsError when there are none."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors put a mark before the text
        given = _toml(path, text) if path.suffix == ".toml" else json.loads(text)
    except SettingsError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: found a file that cannot be read ({error}); expected settings") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: found no valid {path.suffix.lstrip('.') or 'json'} ({error})") from None
    if not isinstance(given, dict):
        raise SettingsError(f"{path}: found a {type(given).__name__}; expected an object of settings")
    return given


def _toml(path: Path, text: str) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads(text)
    raise SettingsError(f"{path}: found TOML; expected JSON, as Python before 3.11 reads no TOML")


def _merge(settings: Settings, where: str, given: Mapping[str, Any], *, strict: bool) -> Settings:
    """Return *settings* with *given* over them; what is wrong is raised (*strict*) or logged and left out."""
    if not given:
        return settings
    values, errors = _validate(where, given)
    if errors and strict:
        raise SettingsError("; ".join(errors))
    for error in errors:
        LOGGER.error("spancost: %s; the default is used", error)
    return replace(settings, **values)


def _validate(where: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of *given* that are right, by key, and a sentence for each that is not."""
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter(Settings)
    values: dict[str, Any] = {}
    errors: list[str] = []
    known = sorted(field.name for field in fields(Settings))
    for key, value in given.items():
        name = f"{PREFIX}{key.upper()}" if where == "environment" else f"{where}: {key}"
        if key not in known:
            errors.append(f"{name}: found an unknown setting; expected one of {', '.join(known)}")
            continue
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        try:
            value = getattr(adapter.validate_python({key: value}), key)
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
        values[key] = value
    return values, errors


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
