# SPDX-License-Identifier: Apache-2.0
"""Compiles a contract from YAML to its compiled form: validated, in integers and strings, alternatives expanded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from pydantic import ValidationError

from spancost.config import data
from spancost.config.contracts.form import FORMER_PROVIDER, ContractForm, DeploymentForm, HardwareForm, Step, TermForm
from spancost.config.contracts.lines import Lines, Place, fault_of, read
from spancost.core.contract.match import normalize
from spancost.core.contract.terms import DIMENSIONS, FORMAT, Contract
from spancost.core.money import FEMTO_PER_USD
from spancost.core.pricing.account import account_fault
from spancost.core.pricing.card import RateCard

_MOST_ROWS = 10_000
_NAMES_CALLS = ("provider", "model", "deployment", "server_address")


def compile_contract(where: str, text: str) -> dict[str, Any]:
    """Return the content of the contract in *text*; ContractError names *where*, the line, the key and what is wrong.

    Meters, and the spellings of providers and facts, are those of the rate card that comes with this release.
    """
    value, lines = read(where, text)
    try:
        form = ContractForm.model_validate(value)
    except ValidationError as error:
        raise fault_of(error, lines) from None
    return _Compiler(form, lines, data.default_card()).content()


class _Compiler:
    """Compiles one contract; keeps where each compiled row was written."""

    def __init__(self, form: ContractForm, lines: Lines, card: RateCard) -> None:
        self._form = form
        self._lines = lines
        self._card = card
        self._places: dict[str, list[Place]] = {"terms": [], "deployments": []}

    def content(self) -> dict[str, Any]:
        form = self._form
        ids: set[str] = set()
        terms: list[dict[str, Any]] = []
        for number, term in enumerate(form.terms):
            place: Place = ("terms", number)
            if term.id in ids:
                raise self._lines.error((*place, "id"), f"{term.id} for the second time", "an id of its own")
            ids.add(term.id)
            body = self._term(term, place)
            terms += [{**body, "when": when} for when in self._conditions("terms", place, term.match, "match")]
        deployments: list[dict[str, Any]] = []
        for number, row in enumerate(form.deployments):
            place = ("deployments", number)
            body = self._deployment(row, place)
            deployments += [{**body, "when": when} for when in self._conditions("deployments", place, row)]
        content: dict[str, Any] = {
            "attributes": {fact: list(keys) for fact, keys in form.attributes if keys},
            "deployments": deployments,
            "format": FORMAT,
            "name": form.name,
            "terms": terms,
        }
        account = self._account(form.facts)
        if account:
            content["facts"] = account
        if form.override is not None:
            most = round(form.override.most_usd * FEMTO_PER_USD)
            content["override"] = {"attribute": form.override.attribute, "most": most}
        for one, other, kind in Contract(content, "").overlaps():
            first = self._lines.error(self._places[kind][one], "", "").args[0].split(": found", 1)[0]
            raise self._lines.error(
                self._places[kind][other],
                f"the same conditions at the same time as in {first}",
                "conditions of its own, or `from` and `until` that do not overlap",
            )
        return content

    def _conditions(self, kind: str, place: Place, form: Any, key: str = "") -> Iterator[dict[str, str]]:
        """Yield each alternative of the conditions in a row, in the words that they are compared in."""
        given: list[list[tuple[str, str]]] = []
        for dimension in DIMENSIONS:
            texts: Sequence[str] | None = getattr(form, dimension, None)
            if kind == "deployments" and dimension == "model":
                continue
            if texts:
                key_of = FORMER_PROVIDER if dimension == "provider" else dimension
                given.append([(key_of, self._spelled(dimension, text)) for text in texts])
        for pairs in product(*given):
            self._places[kind].append((*place, key) if key else place)
            if len(self._places[kind]) > _MOST_ROWS:
                raise self._lines.error(place, f"more than {_MOST_ROWS} alternatives", "fewer")
            yield dict(pairs)

    def _spelled(self, dimension: str, text: str) -> str:
        if dimension == "provider" and "*" not in text:
            return self._card.provider_names.canonical(text) or text
        return normalize(dimension, text)

    def _term(self, term: TermForm, place: Place) -> dict[str, Any]:
        given = (term.prices, term.steps, term.variants, term.discount is not None, term.hardware is not None)
        if not any(given):
            raise self._lines.error(place, "no agreement", "prices, steps, variants, discount or hardware")
        names_calls = any(getattr(term.match, dimension) for dimension in _NAMES_CALLS)
        if not names_calls and any((*given[:3], given[4])):
            raise self._lines.error((*place, "match"), "prices of any model", f"one of {', '.join(_NAMES_CALLS)}")
        if term.skip_modifiers and not any(given[:3]):
            raise self._lines.error((*place, "skip_modifiers"), "it without prices", "prices that it is about")
        row: dict[str, Any] = {"id": term.id, **self._period(term, place)}
        if term.hardware is not None:
            if any(given[:4]):
                raise self._lines.error((*place, "hardware"), "it beside prices or a discount", "one or the other")
            return {**row, **self._hardware(term.hardware, (*place, "hardware"))}
        row |= self._table(term.prices, term.steps, place)
        variants = []
        seen: set[tuple[tuple[str, str], ...]] = set()
        for number, variant in enumerate(term.variants):
            where = (*place, "variants", number)
            when = self._facts(variant.when, (*where, "when"), must_say=True)
            if not when or tuple(sorted(when.items())) in seen:
                raise self._lines.error((*where, "when"), "facts that are told apart by nothing", "other facts")
            seen.add(tuple(sorted(when.items())))
            variants.append({"when": when, **self._table(variant.prices, variant.steps, where)})
        if variants:
            row["variants"] = variants
        if term.skip_modifiers:
            row["skip"] = list(term.skip_modifiers)
        if term.discount is not None:
            row["x"] = _rational(1 - term.discount)
            row["units"] = term.units
        elif "units" in term.model_fields_set:
            raise self._lines.error((*place, "units"), "it without a discount", "a discount that it is about")
        return row

    def _hardware(self, form: HardwareForm, place: Place) -> dict[str, Any]:
        if form.prices and form.usd_per_gpu_hour is None and form.gpus is None and form.share is None:
            return {"allocated": 1, **self._table(form.prices, (), place)}
        if form.prices or form.usd_per_gpu_hour is None or form.gpus is None:
            raise self._lines.error(place, "another set of keys", "usd_per_gpu_hour and gpus (and share), or prices")
        rate = form.usd_per_gpu_hour * FEMTO_PER_USD
        return {"hardware": {"gpus": _rational(form.gpus * (form.share or 1)), "rate": _rational(rate)}}

    def _deployment(self, row: DeploymentForm, place: Place) -> dict[str, Any]:
        facts = self._facts(row.facts, (*place, "facts"), must_say=False)
        return {"model": row.model, "facts": facts, **self._period(row, place)}

    def _period(self, row: TermForm | DeploymentForm, place: Place) -> dict[str, int]:
        if row.from_s is not None and row.until_s is not None and row.until_s <= row.from_s:
            raise self._lines.error((*place, "until"), "an end before the beginning", "one after `from`")
        return {key: at for key, at in (("from", row.from_s), ("until", row.until_s)) if at is not None}

    def _table(self, prices: Mapping[str, Fraction], steps: Sequence[Step], place: Place) -> dict[str, Any]:
        row: dict[str, Any] = {}
        if prices:
            row["rates"] = self._rates(prices, (*place, "prices"))
        bounds: set[tuple[str, int]] = set()
        for number, step in enumerate(steps):
            where = (*place, "steps", number)
            self._known_meter(step.meter, (*where, "meter"))
            if (step.meter, step.above) in bounds:
                raise self._lines.error((*where, "above"), f"{step.above} for the second time", "each bound once")
            bounds.add((step.meter, step.above))
            rates = self._rates(step.prices, (*where, "prices"))
            row.setdefault("steps", []).append({"from": step.above + 1, "meter": step.meter, "rates": rates})
        if "steps" in row:
            row["steps"].sort(key=lambda step: (step["from"], step["meter"]))
        return row

    def _rates(self, prices: Mapping[str, Fraction], place: Place) -> dict[str, int | list[int]]:
        """Return femto-dollars for one unit; a price is for as many as the meter is sold in (`per`)."""
        rates = {}
        for meter, price in prices.items():
            self._known_meter(meter, (*place, meter))
            rates[meter] = _rational(price * FEMTO_PER_USD / self._card.units.meters[meter].per)
        return rates

    def _known_meter(self, meter: str, place: Place) -> None:
        if meter not in self._card.units.meters:
            raise self._lines.error(place, f"meter {meter!r}", f"one of {', '.join(sorted(self._card.units.meters))}")

    def _account(self, facts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
        """Return the facts of accounts by provider; one that no price depends on, or without a rate, is refused."""
        account: dict[str, dict[str, str]] = {}
        for provider, stated in facts.items():
            place: Place = ("facts", provider)
            provider = self._card.provider_names.canonical(provider) or provider
            if provider in account:
                raise self._lines.error(place, f"{provider} for the second time", "each provider once")
            if not stated:
                raise self._lines.error(place, "nothing", "facts of an account")
            for fact, text in stated.items():
                fault = account_fault(self._card, provider, fact, text)
                if fault is not None:
                    where = place if fault.part == "provider" else (*place, fact)
                    raise self._lines.error(where, fault.found, fault.expected)
            account[provider] = dict(stated)
        return account

    def _facts(self, facts: Mapping[str, str], place: Place, *, must_say: bool) -> dict[str, str]:
        """Return facts in the card's words; those that say nothing out of the usual are refused where they must."""
        known = sorted(self._card.fact_words.dimensions - {"server_address"})
        for dimension, text in facts.items():
            if dimension not in known:
                raise self._lines.error((*place, dimension), f"fact {dimension!r}", f"one of {', '.join(known)}")
            word = self._card.fact_words.of({dimension: text})
            if "unknown" in word.values() or (must_say and not word):
                raise self._lines.error((*place, dimension), repr(text), "a value that the rate card tells apart")
        return self._card.fact_words.of(facts) if must_say else dict(facts)


def _rational(value: Fraction) -> int | list[int]:
    value = Fraction(value)
    return value.numerator if value.denominator == 1 else [value.numerator, value.denominator]
