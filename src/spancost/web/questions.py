# SPDX-License-Identifier: Apache-2.0
"""Answers the questions of the page from an engine: one at a time, unless threads may share the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from spancost.core.detect.detectors import detect
from spancost.core.detect.rules import RuleSet
from spancost.core.money import usd_text
from spancost.reports.periods import instant_ns, instant_text
from spancost.reports.records import selected_records
from spancost.reports.selection import QuestionError, Selection, column_named, conditions
from spancost.reports.spend import spend as spend_of
from spancost.reports.spend import total
from spancost.store.calls import Engine
from spancost.store.held import whole, with_columns
from spancost.store.pricing_choice import PricingChoice, SourceError
from spancost.web.budgets_panel import NO_BUDGETS, Budgets, budgets_panel
from spancost.web.call_page import call_page
from spancost.web.overview import is_column, overview, works
from spancost.web.trace_page import trace_page

MOST_CALLS = 50_000
"""Calls up to which the page looks for anomalies; beyond them `spancost anomalies` does."""
MOST_ANOMALIES = 100
MOST_ANSWERS = 100
"""Answers about a source that does not change that are kept, so that going back takes no time."""
Parameters = Mapping[str, list[str]]


class Questions:
    """Answers `overview`, `works`, `budgets`, `anomalies`, `trace`, `call` and `version` for one source."""

    def __init__(
        self,
        engine: Callable[[], tuple[Engine, int]],
        choice: PricingChoice,
        rules: RuleSet,
        live: str | None = None,
        budgets: Budgets | None = None,
    ) -> None:
        """*engine* returns the engine and the number of its version, which grows as spans arrive.

        live: the endpoint that services send to, None when the source does not change. budgets: that are shown.
        """
        self._engine = engine
        self._choice = choice
        self._rules = rules
        self._live = live
        self._budgets = budgets
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._answers: dict[Any, Any] = {}

    def __call__(self, name: str, parameters: Parameters) -> Any:
        """Return the answer; LookupError for an unknown question, QuestionError for wrong parameters."""
        answer = {
            "overview": self._overview,
            "works": self._works,
            "budgets": self._budget_states,
            "anomalies": self._anomalies,
            "trace": self._trace,
            "call": self._call,
            "version": self._version,
        }[name]
        engine, version = self._engine()
        if not engine.is_shared:
            with self._lock:
                return answer(parameters)
        key = (name, version, *((each, *parameters[each]) for each in sorted(parameters)))
        if key not in self._answers:
            if len(self._answers) >= MOST_ANSWERS:
                self._answers.clear()
            self._answers[key] = answer(parameters)
        return self._answers[key]

    def warm_up(self) -> None:
        """Answer what the page asks first, so that it is there when somebody looks."""
        asked: tuple[tuple[str, Parameters], ...] = (("overview", {"by": ["feature"]}), ("works", {}), ("budgets", {}))
        for name, parameters in asked:
            with suppress(QuestionError, SourceError):  # the page tells it
                self(name, parameters)

    def _version(self, _: Parameters) -> Any:
        return {"version": self._engine()[1], "live": self._live}

    def _selected(self, parameters: Parameters, *columns: str) -> tuple[Engine, Selection]:
        """Return the selection, and an engine that holds the columns that it is about."""
        selection = selection_of(parameters)
        return with_columns(self._engine()[0], {*selection.where, *columns}), selection

    def _overview(self, parameters: Parameters) -> Any:
        by = column_named(_one(parameters, "by") or "feature", "by")
        if not is_column(by):
            raise QuestionError(f"by: found {by!r}; expected a column to group by")
        engine, selection = self._selected(parameters, by)
        zone = _one(parameters, "timezone") or "UTC"
        return {"version": self._engine()[1], **overview(engine, selection, by, zone)}

    def _works(self, parameters: Parameters) -> Any:
        return works(*self._selected(parameters))

    def _budget_states(self, parameters: Parameters) -> Any:
        if self._budgets is None:
            return NO_BUDGETS
        now_ns = None if self._live is None else time.time_ns()
        return budgets_panel(self._engine()[0], selection_of(parameters), self._budgets, now_ns)

    def _anomalies(self, parameters: Parameters) -> Any:
        with self._turn:  # a search takes up to some seconds
            return anomalies_of(*self._selected(parameters), self._rules)

    def _trace(self, parameters: Parameters) -> Any:
        return trace_page(whole(self._engine()[0]), _one(parameters, "id") or "")

    def _call(self, parameters: Parameters) -> Any:
        trace_id, span_id = _one(parameters, "trace") or "", _one(parameters, "span") or ""
        return call_page(whole(self._engine()[0]), trace_id, span_id, self._choice)


def anomalies_of(engine: Engine, selection: Selection, rules: RuleSet) -> dict[str, Any]:
    """Return the anomalies of the selected calls, the first hundred; none is looked for in more than MOST_CALLS."""
    calls = total(spend_of(engine, selection)).calls
    if calls > MOST_CALLS:
        return {"is_skipped": True, "calls": calls, "anomalies": []}
    found = detect(list(selected_records(whole(engine), selection)), rules)
    return {
        "is_skipped": False,
        "calls": calls,
        "anomalies": [
            {
                "rule": anomaly.rule,
                "trace_id": None if anomaly.trace_id is None else f"{anomaly.trace_id:032x}",
                "cost_usd": usd_text(anomaly.cost_femto),
                "first": instant_text(anomaly.first_ns),
                "text": anomaly.text,
            }
            for anomaly in found[:MOST_ANOMALIES]
        ],
    }


def selection_of(parameters: Parameters) -> Selection:
    """Return the selection of `since`, `until` and `where` parameters; QuestionError for a wrong one."""
    zone, now = _one(parameters, "timezone") or "UTC", datetime.now(timezone.utc)

    def bound(name: str) -> int | None:
        text = _one(parameters, name)
        try:
            return None if not text else instant_ns(text, zone, now)
        except ValueError as error:
            raise QuestionError(f"{name}: {error}") from error

    where = conditions(parameters.get("where", ()))
    return Selection(where=where, since_ns=bound("since"), until_ns=bound("until"))


def _one(parameters: Parameters, name: str) -> str | None:
    values = parameters.get(name)
    return values[-1] if values else None
