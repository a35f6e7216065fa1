# SPDX-License-Identifier: Apache-2.0
"""The changes of a what-if question, as they are written: `model=A:B`, `tier=flex`, `batch`, `cache=none`, …"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

AS_RECORDED, NO_CACHE, IDEAL, RULES = CACHES = ("as_recorded", "none", "ideal", "rules")
FORMS = (
    "model=FROM:TO, card=FILE|VERSION, contract=FILE, tier=NAME, batch, "
    f"cache={'|'.join(CACHES)}, truncate=TOKENS, route=SHARE"
)


class ChangeError(ValueError):
    """A change cannot be applied: what was found, what was expected."""


class ModelChange(NamedTuple):
    """Calls of the model `source` go to `target` of `provider`, None for the provider of the call."""

    source: str
    target: str
    provider: str | None


class Scenario(NamedTuple):
    """All changes of one question. They apply together, in this order: truncate, model, cache, tier, batch, card.

    Attributes:
        models: changes of models; the first one whose `source` is the call's model applies.
        card, contract: what to price with instead; None for what priced the calls.
        tier: service tier of every call, None for its own.
        batch: whether every call is part of a batch.
        cache: one of CACHES, None when not asked for: rules of the target where a model changes, else as recorded.
        truncate: largest input in tokens, None for no bound.
        route: share of the calls of a changed model that go to the target.
    """

    models: tuple[ModelChange, ...] = ()
    card: str | None = None
    contract: str | None = None
    tier: str | None = None
    batch: bool = False
    cache: str | None = None
    truncate: int | None = None
    route: Fraction = Fraction(1)

    @property
    def keeps_meters(self) -> bool:
        """Return whether no change touches what a call used, so that the answer is exact."""
        return not self.models and self.cache in (None, AS_RECORDED) and self.truncate is None

    def applies_to(self, model: str | None) -> bool:
        """Return whether any change is about calls of *model*."""
        others = (self.card, self.contract, self.tier, self.cache, self.truncate)
        return self.batch or any(each is not None for each in others) or self.model_change(model) is not None

    def model_change(self, model: str | None) -> ModelChange | None:
        """Return the change that applies to a call of *model*."""
        return next((change for change in self.models if change.source in (model, "*")), None)


def parse(texts: Sequence[str], providers: Sequence[str]) -> Scenario:
    """Return the scenario of *texts*; *providers* are the names that may stand before a target (`provider/model`).

    ChangeError names the text that cannot be read.
    """
    scenario = Scenario()
    for text in texts:
        scenario = _with(scenario, text.strip(), providers)
    if scenario == Scenario():
        raise ChangeError(f"found no change; expected one or more of {FORMS}")
    if scenario.route != 1 and not scenario.models:
        raise ChangeError("route: found no change of a model; expected one, such as model=gpt-5:gpt-5-mini")
    return scenario


def _with(scenario: Scenario, text: str, providers: Sequence[str]) -> Scenario:
    kind, equal, value = text.partition("=")
    if kind == "batch" and value in ("", "true"):
        return scenario._replace(batch=True)
    if not equal or not value:
        raise ChangeError(f"found {text!r}; expected one of {FORMS}")
    if kind == "model":
        return scenario._replace(models=(*scenario.models, _model_change(text, value, providers)))
    if kind == "card":
        return scenario._replace(card=value)
    if kind == "contract":
        return scenario._replace(contract=value)
    if kind == "tier":
        return scenario._replace(tier=value)
    if kind == "cache":
        if value not in CACHES:
            raise ChangeError(f"{text!r}: found {value!r}; expected one of {', '.join(CACHES)}")
        return scenario._replace(cache=value)
    if kind == "truncate":
        if not value.isascii() or not value.isdecimal() or int(value) < 1:
            raise ChangeError(f"{text!r}: found {value!r}; expected a number of tokens")
        return scenario._replace(truncate=int(value))
    if kind == "route":
        return scenario._replace(route=_share(text, value))
    raise ChangeError(f"found {text!r}; expected one of {FORMS}")


def _model_change(text: str, value: str, providers: Sequence[str]) -> ModelChange:
    """Return FROM:TO. Where a name has colons of its own, `->` stands between the two."""
    source, separator, target = value.partition("->") if "->" in value else value.partition(":")
    source, target = source.strip(), target.strip()
    if not separator or not source or not target:
        raise ChangeError(f"{text!r}: found no target; expected model=FROM:TO, or model=FROM->TO for names with colons")
    provider, slash, rest = target.partition("/")
    if slash and rest and provider in providers:
        return ModelChange(source, rest, provider)
    return ModelChange(source, target, None)


def _share(text: str, value: str) -> Fraction:
    number, percent, _ = value.partition("%")
    try:
        share = Fraction(number) / (100 if percent else 1)
    except (ValueError, ZeroDivisionError):
        raise ChangeError(f"{text!r}: found {value!r}; expected a share such as 0.3 or 30%") from None
    if not 0 < share <= 1:
        raise ChangeError(f"{text!r}: found {value!r}; expected a share above 0 and at most 1")
    return share
