# SPDX-License-Identifier: Apache-2.0
"""Reads the usage out of an answer as its bytes go by, however they are cut. No input or output happens here."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping

from spancost.core.wire.batch import BatchCall, calls_of
from spancost.core.wire.estimate import Characters, estimated
from spancost.core.wire.framing import MANY_LIMIT, Document, EventFrames, EventText, JsonLines, WholeJson
from spancost.core.wire.match import Target, Wires
from spancost.core.wire.partial_json import recover
from spancost.core.wire.path import Json
from spancost.core.wire.reading import WireReading
from spancost.core.wire.result import Answer, is_complete, reading
from spancost.core.wire.shape import Shape, Slots, exact

Form = EventText | EventFrames | JsonLines | WholeJson
_FORMS: tuple[tuple[str, type[Form]], ...] = (
    ("text/event-stream", EventText),
    ("application/vnd.amazon.eventstream", EventFrames),
    ("ndjson", JsonLines),
    ("jsonl", JsonLines),
)
_EVENT_TEXT = re.compile(rb"(?:data|event|id|retry|:)")
# How much of a body is looked at before its form is settled.
_PROBE = 64 << 10
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UsageReader:
    """Collects what one answer says was used.

    `feed` takes the decoded body in any pieces and is True once the answer's last event was seen; `finish` gives the
    reading and may be called early (a stream that was cut). Neither raises on what a body holds. Memory stays within
    about 2 MiB, or 32 MiB for one document that holds the answers of a batch. skipped: documents that were no JSON, or
    over the limit and read from their two ends only.
    """

    def __init__(
        self,
        wires: Wires,
        target: Target,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        request: Mapping[str, Json] | None = None,
        counts_text: bool = False,
    ) -> None:
        """Read the answer of *target*; request: the facts of the request's body that shapes ask for (model, …).

        counts_text: every document is read, to know how long the streamed text is, and `estimate` may be asked.
        """
        self._wires = wires
        self._status = status
        words = {k.lower(): v for k, v in (headers or {}).items()}
        self._content_type = words.get("content-type", "")
        self._target, self._provider, self._gateway = wires.told_by_headers(target, words)
        self._shape: Shape | None = self._target.shape
        self._slots: Slots = {
            "headers": {k: exact(words[k]) for k in wires.header_names & words.keys()},
            "request": dict(request or {}),
            "path": dict(self._target.path),
        }
        self._form: Form | None = None
        self._probe = b""
        self._ended = False
        self._parsed = False
        self._cut = False
        self._named = False
        self._held: Document | None = None
        self._counts_text = counts_text
        self._streamed = Characters()
        self._calls: list[BatchCall] = []
        self.skipped = 0

    def take_calls(self) -> list[BatchCall]:
        """Return the calls of a batch that were read since this was last asked; take them often, to hold few."""
        calls, self._calls = self._calls, []
        return calls

    def feed(self, data: bytes) -> bool:
        """Take the next bytes of the body; return True when the answer has told all it will tell."""
        form = self._form
        if form is None:
            self._probe += data
            form = self._form = self._chosen_form(surely=len(self._probe) >= _PROBE)
            if form is None:
                return False
            data, self._probe = self._probe.removeprefix(_BYTE_ORDER_MARK), b""
        self._take(form.feed(data))
        return self._ended

    def finish(self) -> WireReading:
        """Return what the answer said so far."""
        if self._form is None and self._probe:
            self._form = self._chosen_form(surely=True)
            data, self._probe = self._probe.removeprefix(_BYTE_ORDER_MARK), b""
            if self._form is not None:
                self._take(self._form.feed(data))
        if self._form is not None:
            self._take(self._form.finish())
        if self._held is not None:
            self._document(self._held)
            self._held = None
        answer = Answer(self._status, self._provider, self._gateway, self._is_complete(), self._parsed)
        return reading(self._wires, self._target, self._shape, self._slots, answer)

    def estimate(self, reading: WireReading, asked: Characters | None) -> WireReading:
        """Return what `finish` gave, with tokens by the length of the text where the stream told none.

        asked: the characters of the request, None when they tell nothing of its input.
        """
        if self._shape is None or not self._shape.streamed:
            return reading
        return estimated(reading, self._streamed, asked, self._shape.density or self._wires.text.density)

    def _is_complete(self) -> bool:
        if self._cut or self._shape is None:
            return False
        return self._ended or isinstance(self._form, WholeJson) or is_complete(self._shape, self._slots)

    def _chosen_form(self, *, surely: bool) -> Form | None:
        if not surely and _BYTE_ORDER_MARK.startswith(self._probe):
            return None
        batch = self._shape.batch if self._shape is not None else None
        if batch is not None:
            return WholeJson(MANY_LIMIT) if batch.is_whole else JsonLines()
        start = self._probe.removeprefix(_BYTE_ORDER_MARK).lstrip()
        for word, form in _FORMS:
            if word in self._content_type:
                # Some servers announce events and send one JSON document: an error, say.
                if form is EventText and start[:1] in (b"{", b"["):
                    break
                return form() if start or form is not EventText else None
        if start[:1] in (b"{", b"["):
            line, ended, after = start.partition(b"\n")
            if ended and not _is_object(line):
                return WholeJson()
            # One line that is a whole object is a document with a line end, unless another object follows it.
            following = after.lstrip()[:1]
            if not following and not surely:
                return None
            return JsonLines() if following == b"{" else WholeJson()
        if start[:1] == b"\0":
            return EventFrames()
        if len(start) < 8 and not surely:
            return None
        return EventText() if _EVENT_TEXT.match(start) else WholeJson()

    def _take(self, documents: list[Document]) -> None:
        for document in documents:
            shape = self._shape
            if shape is not None:
                if document.text in shape.done:
                    self._ended = True
                    continue
                if not (self._counts_text and shape.streamed) and self._is_plain(shape, document.text):
                    if shape.latest:
                        self._held = document
                    continue
                if self._held is not None:
                    held, self._held = self._held, None
                    self._document(held)
            self._document(document)

    def _is_plain(self, shape: Shape, text: bytes) -> bool:
        """Tell whether *text* need not be read: the names are known, and it lacks the marks of its shape."""
        if self._named:
            return shape.mark is not None and shape.mark.search(text) is None
        self._named = type(self._form) is not WholeJson and shape.names <= self._slots.keys()
        return self._named and shape.mark is not None and shape.mark.search(text) is None

    def _document(self, document: Document) -> None:
        if document.clipped:
            self.skipped += 1
            parsed: Json = recover(document.text, clipped=True)
        else:
            parsed = self._json(document.text)
        for value in parsed if isinstance(parsed, list) else (parsed,):
            if isinstance(value, dict):
                self._value(value, document.event, is_whole=not document.clipped)

    def _json(self, text: bytes) -> Json:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            self.skipped += 1
            if type(self._form) is not WholeJson or self._shape is None:
                return None
            found = recover(text, clipped=False)
            self._cut = bool(found)
            return found

    def _value(self, value: dict[str, Json], event: str, *, is_whole: bool) -> None:
        self._parsed = True
        if self._provider is None:
            self._provider = self._wires.told_by_body(value)
        shape = self._shape = self._shape or self._shape_of_body(value)
        if shape is None:
            return
        if shape.unwrap is not None and isinstance(value.get(shape.unwrap), str):
            inner = _unwrapped(value[shape.unwrap])
            if inner is None:
                return
            value = inner
        value["$event"] = event
        if shape.batch is not None:
            self._calls += calls_of(self._wires, self._target, self._provider, shape.batch, value)
        slots = self._slots
        for rule in shape.rules:
            if (is_whole or not rule.counts) and (rule.test is None or rule.test(value)):
                for found in rule.get(value):
                    rule.keep(slots, rule.slot, found)
        if self._counts_text:
            self._count(shape, value)
        if not self._ended:
            self._ended = any(test(value) for test in shape.end)

    def _shape_of_body(self, value: dict[str, Json]) -> Shape | None:
        # Only a POST makes a call; what others answer in the same form was told before.
        return self._wires.shape_of_body(value) if self._target.asked[0] in ("", "POST") else None

    def _count(self, shape: Shape, value: dict[str, Json]) -> None:
        for test, texts in shape.streamed:
            if test is None or test(value):
                for text in texts(value):
                    if isinstance(text, str):
                        self._streamed = self._streamed.plus(text)


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
