# SPDX-License-Identifier: Apache-2.0
"""Budgets as people write them: a file, or one line each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spancost.core.budget.limit import Limit
from spancost.core.budget.windows import CALENDAR, KINDS, LIFETIME, ROLLING, SESSION, TRACE, Window
from spancost.core.money import FEMTO_PER_USD

if TYPE_CHECKING:
    from spancost.config.settings import Settings

TOTAL = "total"
"""The subject of a line that is about all calls."""
_SAMPLE = "trace:5, session:10, total:200/month or workspace_id:20/day"


class BudgetError(ValueError):
    """Budgets cannot be used; the message says where, what was found and what was expected."""


def load(path: Path) -> tuple[Limit, ...]:
    """Return the budgets in a file (YAML or JSON); BudgetError names file, line and key."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BudgetError(f"{path}: found a file that cannot be read ({error}); expected budgets") from None
    return parse(str(path), text)


def of_settings(settings: Settings, path: Path | None = None) -> tuple[Limit, ...]:
    """Return the budgets of *settings*: those of the file (*path* instead of the one they name) and the lines.

    BudgetError says what is wrong.
    """
    lines = of_lines(settings.budget, "SPANCOST_BUDGET")
    path = Path(settings.budgets).expanduser() if path is None and settings.budgets is not None else path
    if path is None:
        return lines
    limits = (*load(path), *lines)
    twice = next((limit.id for limit in limits if sum(each.id == limit.id for each in limits) > 1), None)
    if twice is not None:
        raise BudgetError(f"{path}: found budget {twice}, which SPANCOST_BUDGET has too; expected it once")
    return limits


def parse(where: str, text: str) -> tuple[Limit, ...]:
    """Return the budgets in *text*; BudgetError begins with *where*."""
    # What validates is loaded by those who have a file only.
    from pydantic import ValidationError

    from spancost.config.budgets.form import BudgetsForm
    from spancost.config.contracts.lines import fault_of, read

    value, lines = read(where, text, "budgets", BudgetError)
    try:
        form = BudgetsForm.model_validate(value)
    except ValidationError as error:
        raise fault_of(error, lines) from None
    limits: list[Limit] = []
    seen: set[str] = set()
    for number, each in enumerate(form.limits):
        if each.id in seen:
            raise lines.error(("limits", number, "id"), f"{each.id} for the second time", "an id of its own")
        seen.add(each.id)
        if (each.window is None) == (each.rolling is None):
            found = "neither window nor rolling" if each.window is None else "both window and rolling"
            raise lines.error(("limits", number), found, "one of them")
        if each.timezone is not None and each.window not in CALENDAR:
            kinds = ", ".join(CALENDAR)
            raise lines.error(("limits", number, "timezone"), "a time zone", f"one for a window of {kinds} only")
        limits.append(_limit(each))
    return tuple(limits)


def _limit(form: Any) -> Limit:
    from datetime import timezone

    return Limit(
        form.id,
        round(form.limit_usd * FEMTO_PER_USD),
        Window(form.window or ROLLING, form.timezone or timezone.utc, form.rolling or 0),
        dict(form.match),
        form.per,
        form.warn_at,
        form.at_limit,
        form.overrun == "one_call",
        form.unknown_price,
        form.assumed_output_tokens,
        form.reservation_expires,
        form.cut_at_limit,
        None if form.degrade is None else (form.degrade.model, form.degrade.max_output_tokens),
        form.on_store_failure,
    )


def of_lines(texts: Sequence[str], where: str) -> tuple[Limit, ...]:
    """Return the budgets of *texts*, each `SUBJECT:USD[/WINDOW]` or `USD`; BudgetError begins with *where*.

    A subject is `total`, `trace`, `session` or a tag (`workspace_id` stands for `app.workspace_id`); a window is hour,
    day, week, month or lifetime (the default), or a duration, such as 24h, for a rolling one.
    """
    limits = tuple(_of_line(text.strip(), where) for text in texts if text.strip())
    names = [limit.id for limit in limits]
    for name in names:
        if names.count(name) > 1:
            raise BudgetError(f"{where}: found {name} for the second time; expected each budget once")
    return limits


def _of_line(text: str, where: str) -> Limit:
    from spancost.config.budgets import form

    def error(found: str) -> BudgetError:
        return BudgetError(f"{where}: found {found}; expected SUBJECT:USD/WINDOW, such as {_SAMPLE}")

    subject, colon, rest = text.rpartition(":")
    subject = subject.strip() if colon else TOTAL
    usd, slash, kind = rest.partition("/")
    kind = kind.strip()
    try:
        femto = round(form.amount(usd.strip()) * FEMTO_PER_USD)
    except ValueError:
        raise error(f"{text!r}") from None
    if subject in (TRACE, SESSION):
        if slash:
            raise error(f"a window in {text!r}")
        return Limit(subject, femto, Window(subject))
    if kind in CALENDAR or kind in ("", LIFETIME):
        window = Window(kind or LIFETIME)
    else:
        try:
            window = Window(ROLLING, length_ns=form.duration(kind))
        except ValueError:
            raise error(f"the window {kind!r}") from None
    if subject == TOTAL:
        return Limit(f"{TOTAL}-{kind}" if kind else TOTAL, femto, window)
    try:
        key = form.key(subject if subject in form.KEYS or subject.startswith("app.") else f"app.{subject}")
    except ValueError:
        raise error(f"the subject {subject!r}") from None
    return Limit(f"{subject}-{kind}" if kind else subject, femto, window, per=(key,))


__all__ = ["KINDS", "BudgetError", "load", "of_lines", "of_settings", "parse"]
