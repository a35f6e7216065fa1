# SPDX-License-Identifier: Apache-2.0
"""Reads the usage out of an answer as its bytes go by, however they are cut. No input or output happens here."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

from spancost.core import wire_reading as outcomes
from spancost.core.framing import Document, EventFrames, EventText, JsonLines, WholeJson
from spancost.core.wire_expr import Json, Number
from spancost.core.wire_match import Target, Wires
from spancost.core.wire_reading import FurtherUsage, WireReading
from spancost.core.wire_salvage import salvage
from spancost.core.wire_shape import Shape, Slots, exact

_FORMS: tuple[tuple[str, type], ...] = (
    ("text/event-stream", EventText),
    ("application/vnd.amazon.eventstream", EventFrames),
    ("ndjson", JsonLines),
    ("jsonl", JsonLines),
)
_EVENT_TEXT = re.compile(rb"\s*(?:\xef\xbb\xbf)?(?:data|event|id|retry|:)")
_PROBE = 64 << 10
_STREAMED = (EventText, JsonLines, EventFrames)
# A count that lies inside another cannot exceed it (DESIGN: meters).
_INSIDE = (
    ("cache_read_tokens", "input_tokens"),
    ("cache_write_tokens", "input_tokens"),
    ("cache_write_5m_tokens", "cache_write_tokens"),
    ("cache_write_1h_tokens", "cache_write_tokens"),
    ("input_audio_tokens", "input_tokens"),
    ("input_image_tokens", "input_tokens"),
    ("reasoning_tokens", "output_tokens"),
    ("output_audio_tokens", "output_tokens"),
    ("output_image_tokens", "output_tokens"),
)


class UsageReader:
    """Collects what one answer says was used.

    `feed` takes the decoded body in any pieces and is True once the answer's last event was seen; `finish` gives the
    reading and may be called early (a stream that was cut). Neither raises on what a body holds. Memory stays within
    about 2 MiB. skipped: documents that were no JSON or over the limit.
    """

    def __init__(
        self,
        wires: Wires,
        target: Target,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        request: Mapping[str, Json] | None = None,
    ) -> None:
        self._wires = wires
        self._target = target
        self._shape = target.shape
        self._status = status
        self._headers = {k.lower(): v for k, v in (headers or {}).items()}
        numbers = {k: exact(v.strip()) for k, v in self._headers.items()}
        self._slots: Slots = {
            "headers": {k: v if numbers[k] is None else numbers[k] for k, v in self._headers.items()},
            "request": dict(request or {}),
            "path": dict(target.path),
        }
        self._form: EventText | EventFrames | JsonLines | WholeJson | None = None
        self._probe = b""
        self._ended = False
        self._parsed = False
        self._provider = target.provider
        self._gateway = target.gateway
        self.skipped = 0
        self._read_header_marks()

    def feed(self, data: bytes) -> bool:
        """Take the next bytes of the body; return True when the answer has told all it will tell."""
        if self._form is None:
            self._probe += data
            if not self._choose_form(len(self._probe) >= _PROBE):
                return False
            data, self._probe = self._probe, b""
        assert self._form is not None
        self._take(self._form.feed(data))
        return self._ended

    def finish(self) -> WireReading:
        """Return what the answer said so far."""
        if self._form is None:
            self._choose_form(True)
            data, self._probe = self._probe, b""
            if self._form is not None:
                self._take(self._form.feed(data))
        if self._form is not None:
            self._take(self._form.finish())
        return self._reading()

    # -- documents ------------------------------------------------------------------------------------------------

    def _choose_form(self, surely: bool) -> bool:
        content_type = self._headers.get("content-type", "")
        for word, form in _FORMS:
            if word in content_type:
                self._form = form()
                return True
        start = self._probe.lstrip()
        if not start and not surely:
            return False
        if start[:1] in (b"{", b"["):
            line, ended, _ = start.partition(b"\n")
            if not ended and not surely:
                return False
            self._form = JsonLines() if ended and _is_object(line) else WholeJson()
        elif start[:1] == b"\0":
            self._form = EventFrames()
        elif _EVENT_TEXT.match(start):
            self._form = EventText()
        elif len(start) >= 8 or surely:
            self._form = WholeJson()
        return self._form is not None

    def _take(self, documents: Iterable[Document]) -> None:
        for document in documents:
            shape = self._shape
            if shape is not None:
                if document.text in shape.done:
                    self._ended = True
                    continue
                if (
                    shape.mark is not None
                    and "model" in self._slots
                    and "id" in self._slots
                    and type(self._form) is EventText
                    and not shape.mark.search(document.text)
                ):
                    continue
            self._document(document)

    def _document(self, document: Document) -> None:
        if document.clipped:
            self.skipped += 1
            parsed: Json = salvage(document.text, self._shape.paths) if self._shape else None
        else:
            parsed = self._parse(document.text)
        for value in parsed if isinstance(parsed, list) else (parsed,):
            if isinstance(value, dict):
                self._value(value, document.event)

    def _parse(self, text: bytes) -> Json:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            if type(self._form) is WholeJson and self._shape is not None:
                found = salvage(text, self._shape.paths)
                if found:
                    self._cut = True
                return found
            self.skipped += 1
            return None

    _cut = False

    def _value(self, value: dict[str, Json], event: str) -> None:
        self._parsed = True
        shape = self._shape = self._shape or self._wires.shape_of_body(value)
        self._read_body_marks(value)
        if shape is None:
            return
        if shape.unwrap is not None and isinstance(value.get(shape.unwrap), str):
            inner = _unwrapped(value[shape.unwrap])
            if inner is None:
                return
            value = inner
        value["$event"] = event
        for rule in shape.rules:
            if rule.test is None or rule.test(value):
                for found in rule.get(value):
                    rule.keep(self._slots, rule.slot, found)
        if not self._ended:
            self._ended = any(test(value) for test in shape.end)

    # -- marks ----------------------------------------------------------------------------------------------------

    def _read_header_marks(self) -> None:
        if self._provider is not None and self._gateway is not None:
            return
        for mark in self._wires.marks:
            if mark.header is not None and any(mark.header.fullmatch(name) for name in self._headers):
                self._provider = self._provider or mark.provider
                self._gateway = self._gateway or mark.gateway

    def _read_body_marks(self, value: Json) -> None:
        if self._provider is not None:
            return
        for mark in self._wires.marks:
            if mark.body is not None and mark.body(value) is not None:
                self._provider = mark.provider
                return

    # -- the reading ----------------------------------------------------------------------------------------------

    def _reading(self) -> WireReading:
        shape, slots = self._shape, self._slots
        usage: dict[str, Number] = {}
        doubts: list[str] = []
        facts: dict[str, str | None] = {}
        further: tuple[FurtherUsage, ...] = ()
        cost: Number | None = None
        billed: dict[str, Number] = {}
        context = {k: v for k, v in self._target.path.items() if k != "model"}
        if shape is not None:
            usage = {m: n for m, f in shape.meters.items() if (n := f(slots)) is not None}
            doubts = _clamp(usage)
            facts = {k: _text(get(slots)) for k, get in shape.facts.items()}
            context.update((k, t) for k, get in shape.context.items() if (t := _text(get(slots))) is not None)
            cost = shape.cost(slots) if shape.cost else None
            billed = {m: n for m, f in shape.billed.items() if (n := f(slots)) is not None}
            further = _further(shape, slots)
        outcome = self._outcome(shape, usage)
        if outcome in (outcomes.ERROR, outcomes.ADMIN, outcomes.COUNT_ONLY, outcomes.NO_USAGE):
            usage, billed, further = {}, {}, ()
        return WireReading(
            outcome=outcome,
            provider=self._provider,
            operation=self._target.operation,
            usage=usage,
            complete=self._is_complete(shape),
            request_model=self._target.path.get("model") or _text(slots["request"].get("model")),
            response_model=facts.get("response_model"),
            response_id=facts.get("response_id"),
            service_tier=facts.get("service_tier"),
            finish_reason=facts.get("finish_reason"),
            provider_cost=None if cost is None else Fraction(cost),
            gateway=self._gateway,
            upstream=self._target.upstream or facts.get("upstream"),
            further=further,
            doubts=tuple(doubts),
            context=context or None,
        )

    def _outcome(self, shape: Shape | None, usage: Mapping[str, Number]) -> str:
        kind = self._target.kind
        if self._status >= 400:
            return outcomes.ERROR
        if kind == outcomes.COUNT_ONLY or kind == outcomes.ADMIN:
            return kind
        if "error" in self._slots:
            return outcomes.ERROR_IN_200
        if not usage:
            pending = shape is not None and shape.pending is not None and shape.pending(self._slots)
            return outcomes.ADMIN if pending or (kind == outcomes.RETRIEVAL and self._parsed) else outcomes.NO_USAGE
        if kind in (outcomes.RETRIEVAL, outcomes.BATCH_RESULT):
            return kind
        return outcomes.USAGE if self._is_complete(shape) else outcomes.PARTIAL_USAGE

    def _is_complete(self, shape: Shape | None) -> bool:
        if self._cut or shape is None:
            return False
        if self._ended or shape.complete is None or not isinstance(self._form, _STREAMED):
            return True
        return any(get(self._slots) is not None for get in shape.complete)


def _further(shape: Shape, slots: Slots) -> tuple[FurtherUsage, ...]:
    if shape.further is None:
        return ()
    found = []
    for row in shape.further.rows(slots):
        usage = {m: n for m, f in shape.further.meters.items() if (n := f(row)) is not None}
        found.append(FurtherUsage(_text(shape.further.kind(row)) or "", _text(shape.further.model(row)), usage))
    return tuple(found)


def _clamp(usage: dict[str, Number]) -> list[str]:
    doubts = []
    for part, whole in _INSIDE:
        if part in usage and usage[part] > usage.get(whole, 0):
            doubts.append(f"{part}_exceeds_{whole}")
            usage[part] = usage.get(whole, 0)
    return doubts


def _text(value: Json) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _unwrapped(text: str) -> dict[str, Json] | None:
    try:
        inner = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, RecursionError, binascii.Error):
        return None
    return inner if isinstance(inner, dict) else None
