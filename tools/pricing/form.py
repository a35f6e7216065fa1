# SPDX-License-Identifier: Apache-2.0
"""The form of `pricing/*.yaml`: what people write, checked word by word. All scalars are text: no float."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

_DECIMAL = re.compile(r"^[0-9]+(\.[0-9]+)?$")
_RATIO = re.compile(r"^[0-9]+(/[1-9][0-9]*)?$")
NO_DEFAULT = "none"
"""The default of a fact for which its provider documents none."""
ONE_PRICE = "one_price"
"""Marks a fact that does not change the price of an entry."""


class FormError(ValueError):
    """A source file breaks the form; the message names file, key, what was found and what was expected."""


def _decimal(text: str) -> str:
    if not _DECIMAL.match(text):
        raise ValueError("expected a price of 0 or more in plain decimals, as in 2.50")
    return text


def _ratio(text: str) -> str:
    if not _RATIO.match(text) and not _DECIMAL.match(text):
        raise ValueError("expected a factor such as 2, 1.1 or 1/2")
    return text


def _day(text: str) -> str:
    if text != "unknown":
        date.fromisoformat(text)
    return text


def _instant(text: str) -> str:
    seconds_of(text)
    return text


Price = Annotated[str, AfterValidator(_decimal)]
Ratio = Annotated[str, AfterValidator(_ratio)]
Day = Annotated[str, AfterValidator(_day)]
Instant = Annotated[str, AfterValidator(_instant)]
Rates = dict[str, Price]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Form):
    """A whole-request step: above so many units of a meter, or at so many, these rates replace others."""

    above: int | None = None
    at_least: int | None = None
    meter: str = "input_tokens"
    rates: Rates

    @model_validator(mode="after")
    def _one_bound(self) -> Step:
        if (self.above is None) == (self.at_least is None):
            raise ValueError("expected one of above and at_least")
        return self

    @property
    def first(self) -> int:
        """The smallest quantity for which the step holds."""
        return self.at_least if self.at_least is not None else (self.above or 0) + 1


class Variant(_Form):
    """A table that replaces the rates of tokens when all facts of *when* hold."""

    when: dict[str, str] = Field(min_length=1)
    rates: Rates
    steps: list[Step] = []
    source: str | None = None
    checked: Day | None = None


class Window(_Form):
    """Hours of certain days, UTC, in which the rates of tokens are multiplied by *x*, or those named are replaced."""

    id: str
    utc: list[str]
    days: Literal["mon-fri", "sat-sun", "all"] = "all"
    except_: str | None = Field(default=None, alias="except")
    x: Ratio | None = None
    rates: Rates = {}

    @model_validator(mode="after")
    def _one_way(self) -> Window:
        if (self.x is None) == (not self.rates):
            raise ValueError("expected one of x and rates")
        return self


class PriceEntry(_Form):
    """The price of a model from an instant on; it ends where the next entry begins."""

    from_: Instant = Field(alias="from")
    rates: Rates
    steps: list[Step] = []
    variants: list[Variant] = []
    windows: list[Window] = []
    minimum: dict[str, int] = {}
    maximum: dict[str, int] = {}
    source: str
    checked: Day
    basis: Literal["page", "two_catalogues", "one_catalogue"]
    note: str | None = None


class Model(_Form):
    """One thing that is sold under one price."""

    names: list[str] = []
    # What differs from the provider's `facts` here: fact -> none, one_price, or the documented default.
    facts: dict[str, str] = {}
    prices: list[PriceEntry] = Field(min_length=1)
    note: str | None = None


class Fact(_Form):
    """A provider's default for a fact that changes its prices.

    default: the value that holds for a call that does not report the fact, where the provider documents one; else none.
    or: another fact that is sufficient in its place. base: values that an entry's base rates cover, by pattern of
    entries; the last that fits counts. one_price: patterns of entries with the same price for every value.
    """

    default: str
    or_: str | None = Field(default=None, alias="or")
    base: dict[str, list[str]] = {}
    one_price: list[str] = []
    source: str | None = None
    checked: Day | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _documented(self) -> Fact:
        if self.default != NO_DEFAULT and (self.source is None or self.checked is None):
            raise ValueError("expected the source of the default and when it was checked, or the default none")
        return self


class Modifier(_Form):
    """A factor on the rates of tokens when all facts of *when* hold; all that hold are multiplied."""

    id: str
    when: dict[str, str] = Field(min_length=1)
    x: Ratio
    only: list[str] = ["*"]
    except_: list[str] = Field(default=[], alias="except")
    source: str
    checked: Day
    note: str | None = None


class Target(_Form):
    """What a moving name stands for from an instant on."""

    from_: Instant = Field(alias="from")
    to: str


class Provider(_Form):
    """One file of `pricing/providers/`."""

    provider: str
    sources: dict[str, str]
    # False where the requested name is chosen by the customer (an Azure deployment) and does not identify the model.
    request_model_prices: Literal["true", "false"] = "true"
    facts: dict[str, Fact] = {}
    # Meters whose own price this provider does not publish: where an entry has none, that of the total is an estimate.
    unpublished: list[str] = []
    # Another provider at the same hosts: what this file does not have is looked up there (shared_models.py).
    shares_models_of: str | None = None
    modifiers: list[Modifier] = []
    aliases: dict[str, list[Target]] = {}
    models: dict[str, Model]


def seconds_of(text: str) -> int | None:
    """Return the instant of `launch` (None), a date (midnight UTC) or an RFC 3339 time, in seconds since the epoch."""
    if text == "launch":
        return None
    if len(text) == 10:
        day = date.fromisoformat(text)
        return int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp())
    instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if instant.tzinfo is None:
        raise ValueError("expected launch, a date, or a time with its offset")
    return int(instant.timestamp())


def fraction_of(text: str) -> Fraction:
    """Return a price or factor as an exact number."""
    return Fraction(text)


def load_yaml(path: Path) -> Any:
    """Return the content of a YAML file with every scalar as text."""
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return yaml.load(path.read_bytes(), Loader=loader)  # the base loader makes nothing but text
    except yaml.YAMLError as error:
        raise FormError(f"{path.name}: {error}") from error


def load_provider(path: Path) -> Provider:
    """Return a provider's file; FormError names every place that breaks the form."""
    content = load_yaml(path)
    try:
        provider = Provider.model_validate(content)
    except ValidationError as error:
        faults = [
            f"{path.name}, {'.'.join(map(str, fault['loc']))}: found {str(fault['input'])[:60]!r}; {fault['msg']}"
            for fault in error.errors()
        ]
        raise FormError("\n".join(faults)) from error
    if path.stem != provider.provider:
        raise FormError(f"{path.name}, provider: found {provider.provider!r}; expected the name of the file")
    return provider
