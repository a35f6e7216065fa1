# SPDX-License-Identifier: Apache-2.0
"""What people decided about words of other catalogues: `pricing/imports/decisions.yaml`."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tools.pricing.catalogue import plain
from tools.pricing.form import Day, FormError, load_yaml

GONE = "gone"
"""The value of what a catalogue no longer states."""


def _value(text: str) -> str:
    try:
        return text if text in ("*", GONE) else plain(Decimal(text))
    except ArithmeticError:
        raise ValueError(f"expected a price, * or {GONE}") from None


class Decision(BaseModel):
    """One decision. *model* and *fact* may be patterns; *value* is the catalogue's value, `gone` or `*`.

    `reject`: the card stays unchanged, without a message, until the catalogue differs from *value*. `accept`: the
    card follows although a guard holds; as a `change` from a day on, or as a `correction` of what stands there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    provider: str
    model: str
    fact: str = "*"
    value: Annotated[str, AfterValidator(_value)]
    decision: Literal["accept", "reject"]
    how: Literal["change", "correction"] = Field(default="change", alias="as")
    reason: str = Field(min_length=1)
    day: Day

    def holds(self, provider: str, models: Iterable[str], fact: str, value: str) -> bool:
        """Return whether this decides about a value of a fact of a model, by any of its names."""
        return (
            fnmatchcase(provider, self.provider)
            and any(fnmatchcase(model, self.model) for model in models)
            and fnmatchcase(fact, self.fact)
            and self.value in ("*", value)
        )


class Decisions(BaseModel):
    """The whole file, in order: the first that holds decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    decisions: list[Decision] = []

    @classmethod
    def load(cls, path: Path) -> Decisions:
        """Return the decisions in a file; FormError names what breaks the form."""
        try:
            return cls.model_validate(load_yaml(path) or {})
        except ValidationError as error:
            faults = [
                f"{path.name}, {'.'.join(map(str, fault['loc']))}: found {str(fault['input'])[:60]!r}; {fault['msg']}"
                for fault in error.errors()
            ]
            raise FormError("\n".join(faults)) from error

    def about(self, provider: str, models: Iterable[str], fact: str, value: Decimal | None) -> Decision | None:
        """Return the decision about a value (None: gone), None when there is none."""
        text = GONE if value is None else plain(value)
        models = list(models)
        return next((one for one in self.decisions if one.holds(provider, models, fact, text)), None)
