# SPDX-License-Identifier: Apache-2.0
"""The form of a contract as people write it: which keys there are, and what each may hold."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

_AMOUNT = re.compile(r"^[0-9]{1,12}(\.[0-9]{1,20})?$")
_PERCENT = re.compile(r"^([0-9]{1,3}(?:\.[0-9]{1,10})?) ?%$")
_SHARE = re.compile(r"^([0-9]{1,9})/([0-9]{1,9})$")
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
_SPACE = re.compile(r"\s")
_DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
_INSTANT = re.compile(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.0{3}(0{3})?)?)?(Z|[+-][0-9]{2}:[0-9]{2})$"
)


def expected(text: str) -> PydanticCustomError:
    """Return the error of a value that is something else than *text* says."""
    return PydanticCustomError("expected", "{expected}", {"expected": text})


def written(value: Any) -> str:
    """Return a scalar as it was written, "" for anything else."""
    return str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""


def _amount(value: Any) -> Fraction:
    if not _AMOUNT.fullmatch(written(value)):
        raise expected("an amount in USD of 0 or more, without a sign or a currency, such as 2.10")
    return Fraction(written(value))


def _count(value: Any) -> Fraction:
    if not _AMOUNT.fullmatch(written(value)) or not Fraction(written(value)):
        raise expected("a number above 0")
    return Fraction(written(value))


def _percent(value: Any) -> Fraction:
    found = _PERCENT.fullmatch(written(value))
    if found is None or Fraction(found[1]) > 100:
        raise expected("a part of the price from 0% to 100%, such as 12%")
    return Fraction(found[1]) / 100


def _share(value: Any) -> Fraction:
    text = written(value)
    found = _SHARE.fullmatch(text)
    percent = _PERCENT.fullmatch(text)
    share = Fraction(0)
    if found and int(found[2]):
        share = Fraction(int(found[1]), int(found[2]))
    elif percent:
        share = Fraction(percent[1]) / 100
    elif _AMOUNT.fullmatch(text):
        share = Fraction(text)
    if not 0 < share <= 1:
        raise expected("a share above 0 and up to 1, such as 1/8, 0.125 or 12.5%")
    return share


def _seconds(value: Any) -> int:
    text = written(value)
    if _DAY.fullmatch(text):
        text += "T00:00:00Z"
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError(text)
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise expected("a day, such as 2026-07-01 (0:00 UTC), or a second, such as 2026-07-01T08:00:00Z") from None
    return round((at - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds())


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise expected("a name of letters, digits, '.', '_' and '-', at most 64")
    return value


def _text(value: Any) -> str:
    text = written(value).strip()
    if not text or len(text) > 512:
        raise expected("a string (in quotes, where YAML takes it for something else)")
    return text


def _key(value: Any) -> str:
    if not isinstance(value, str) or not value or _SPACE.search(value):
        raise expected("the name of an attribute")
    return value


def _condition(value: Any) -> str:
    text = _text(value)
    if "*" in text[1:-1] or (len(text) > 1 and text[0] == text[-1] == "*"):
        raise expected("a string, or one that begins or ends in one '*'")
    return text


def _conditions(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    texts = tuple(_condition(item) for item in values)
    if not texts or len(set(texts)) < len(texts) or len(texts) > 100:
        raise expected("a string, or a list of up to 100 different ones")
    return texts


def _keys(value: Any) -> tuple[str, ...]:
    return tuple(_key(item) for item in (value if isinstance(value, list) else [value]))


def _modifiers(value: Any) -> tuple[str, ...]:
    if value == "all":
        return ("*",)
    if not isinstance(value, list) or not value:
        raise expected("all, or a list of names of the rate card's modifiers")
    return tuple(sorted({_text(item) for item in value}))


def _version(value: Any) -> int:
    if value.__class__ is not int or value != 1:
        raise expected("1")
    return 1


def _usd(value: Any) -> str:
    if value != "USD":
        raise expected("USD; convert other currencies at the rate that you agreed, and write the result")
    return "USD"


Amount = Annotated[Any, PlainValidator(_amount)]
Instant = Annotated[Any, PlainValidator(_seconds)]
Text = Annotated[str, PlainValidator(_text)]
Conditions = Annotated[Any, PlainValidator(_conditions)]
Keys = Annotated[Any, PlainValidator(_keys)]
Name = Annotated[str, PlainValidator(_name)]
Prices = dict[str, Amount]


FORMER_PROVIDER = "seller"
"""The key of the provider in contracts written before 2026-11-30, and in every compiled contract."""


class Form(BaseModel):
    """An object with the keys that it names and no other."""

    model_config = ConfigDict(frozen=True, populate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        names = sorted(field.alias or name for name, field in cls.model_fields.items())
        if isinstance(value, dict) and "provider" in names and "provider" not in value:
            value = {"provider" if key == FORMER_PROVIDER else key: value[key] for key in value}
        if isinstance(value, dict):
            for key in value:
                if key not in names:
                    known = ", ".join(names)
                    raise PydanticCustomError("unknown_key", "one of {known}", {"key": key, "known": known})
        return value


class Step(Form):
    """Prices of a request in which the quantity of a meter is above a bound."""

    above: Annotated[int, Field(strict=True, ge=0, le=2**53)]
    meter: Text = "input_tokens"
    prices: Prices


class Variant(Form):
    """Prices of calls with certain facts."""

    when: dict[str, Text]
    prices: Prices = {}
    steps: list[Step] = []


class HardwareForm(Form):
    """What own machines cost: by the hour, or shared out over tokens."""

    usd_per_gpu_hour: Amount = None
    gpus: Annotated[Any, PlainValidator(_count)] = None
    share: Annotated[Any, PlainValidator(_share)] = None
    prices: Prices = {}


class MatchForm(Form):
    """The calls that a term is about: all conditions must hold."""

    tenant: Conditions = None
    team: Conditions = None
    account: Conditions = None
    api_key_alias: Conditions = None
    deployment: Conditions = None
    model: Conditions = None
    provider: Conditions = None
    server_address: Conditions = None


class TermForm(Form):
    """One agreement."""

    id: Name
    match: MatchForm
    from_s: Instant = Field(None, alias="from")
    until_s: Instant = Field(None, alias="until")
    prices: Prices = {}
    steps: list[Step] = []
    variants: list[Variant] = []
    skip_modifiers: Annotated[Any, PlainValidator(_modifiers)] = ()
    discount: Annotated[Any, PlainValidator(_percent)] = None
    units: Literal["tokens", "all"] = "tokens"
    hardware: HardwareForm | None = None
    note: Text | None = None


class DeploymentForm(Form):
    """The model behind the name of a deployment, or an ARN."""

    deployment: Conditions
    provider: Conditions = None
    server_address: Conditions = None
    model: Text
    facts: dict[str, Text] = {}
    from_s: Instant = Field(None, alias="from")
    until_s: Instant = Field(None, alias="until")
    note: Text | None = None


class OverrideForm(Form):
    """Whether a span may carry its cost, in which attribute, and how much at most."""

    attribute: Annotated[str, PlainValidator(_key)] = "spancost.cost.override_usd"
    most_usd: Annotated[Any, PlainValidator(_count)]


class AttributesForm(Form):
    """Which attributes of a span, or of its resource, state the facts that terms are about."""

    tenant: Keys = ("app.workspace_id",)
    team: Keys = ("app.team", "metadata.user_api_key_team_alias")
    account: Keys = ("cloud.account.id",)
    api_key_alias: Keys = ("metadata.user_api_key_alias",)
    deployment: Keys = ()


class ContractForm(Form):
    """A contract."""

    contract: Annotated[int, PlainValidator(_version)]
    name: Name
    currency: Annotated[str, PlainValidator(_usd)] = "USD"
    attributes: AttributesForm = AttributesForm()
    override: OverrideForm | None = None
    facts: dict[str, dict[str, Text]] = {}
    deployments: list[DeploymentForm] = []
    terms: list[TermForm] = []
