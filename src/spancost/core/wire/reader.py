# SPDX-License-Identifier: Apache-2.0
"""Reads the usage of an answer from its bytes, for any chunking. This module does no input or output."""

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
from spancost.core.wire.reading import ENDPOINT_UNKNOWN, LISTS_NOT_READ, NO_USAGE, WireReading
from spancost.core.wire.result import Answer, is_complete, reading, text
from spancost.core.wire.shape import Shape, Slots, exact

Form = EventText | EventFrames | JsonLines | WholeJson
_FORMS: tuple[tuple[str, type[Form]], ...] = (
    ("text/event-stream", EventText),
    ("application/vnd.amazon.eventstream", EventFrames),
    ("ndjson", JsonLines),
    ("jsonl", JsonLines),
)
_EVENT_TEXT = re.compile(rb"(?:data|event|id|retry|:)")
# Bytes of a body to inspect before its form is decided.
_PROBE = 64 << 10
_LONGEST_WORD = 64
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UsageReader:
    """Collects the usage that one answer reports.

    `feed` takes the decoded body in any chunks and returns True after the last event of the answer. `finish` returns
    the reading; it may be called early, on a truncated stream. Neither raises, whatever the body contains. Memory stays
    within about 2 MiB, or 32 MiB for one document with the answers of a batch. skipped: number of documents that were
    not JSON, or over the limit and read from their two ends only.
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
        """Read the answer of *target*. request: fields of the request body that shapes use (model, …).

        counts_text: parse every document to count the streamed text; `estimate` needs it.
        """
        self._wires = wires
        self._status = status
        words = {k.lower(): v for k, v in (headers or {}).items()}
        self._content_type = words.get("content-type", "")
        self._target, self._provider, self._gateway = wires.match_headers(target, words)
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
        self._truncated = False
        self._named = False
        self._latest: Document | None = None
        self._counts_text = counts_text
        self._output_text = Characters()
        self._calls: list[BatchCall] = []
        self._last_bytes = b""
        self._has_lists = False
        self._is_clipped = False
        self._is_unread = False
        self.skipped = 0

    def take_calls(self) -> list[BatchCall]:
        """Return the batch calls read since the last `take_calls`. Call it often to bound memory."""
        calls, self._calls = self._calls, []
        return calls

    @property
    def output_tokens(self) -> int:
        """The estimated tokens of the text streamed so far; 0 unless it is counted (`counts_text`)."""
        density = None if self._shape is None else self._shape.density
        return (density or self._wires.text.density).tokens(self._output_text)

    def feed(self, data: bytes) -> bool:
        """Read the next bytes of the body; return True when the answer will report nothing more."""
        form = self._form
        if self._shape is not None and self._shape.lists is not None and not self._has_lists:
            # A word may lie across two chunks.
            self._has_lists = self._shape.lists.search(self._last_bytes + data) is not None
            self._last_bytes = data[-_LONGEST_WORD:]
        if form is None:
            self._probe += data
            form = self._form = self._chosen_form(surely=len(self._probe) >= _PROBE)
            if form is None:
                return False
            data, self._probe = self._probe.removeprefix(_BYTE_ORDER_MARK), b""
        self._take(form.feed(data))
        return self._ended

    def finish(self) -> WireReading:
        """Return the reading of the bytes read so far."""
        if self._form is None and self._probe:
            self._form = self._chosen_form(surely=True)
            data, self._probe = self._probe.removeprefix(_BYTE_ORDER_MARK), b""
            if self._form is not None:
                self._take(self._form.feed(data))
        if self._form is not None:
            self._take(self._form.finish())
        if self._latest is not None:
            self._document(self._latest)
            self._latest = None
        answer = Answer(self._status, self._provider, self._gateway, self._is_complete(), self._parsed)
        found = reading(self._wires, self._target, self._shape, self._slots, answer)
        caveats = [LISTS_NOT_READ] if self._has_lists and self._is_clipped and found.usage else []
        caveats += [ENDPOINT_UNKNOWN] if self._is_unread and found.provider and found.outcome == NO_USAGE else []
        return found._replace(caveats=(*found.caveats, *caveats)) if caveats else found

    def estimate(self, reading: WireReading, asked: Characters | None) -> WireReading:
        """Return the reading of `finish`, with estimated tokens where the stream reported none.

        asked: the characters of the request, None when they show nothing about its input.
        """
        if self._shape is None or not self._shape.output_text:
            return reading
        return estimated(reading, self._output_text, asked, self._shape.density or self._wires.text.density)

    def _is_complete(self) -> bool:
        if self._truncated or self._shape is None:
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
                # Some servers declare events and send one JSON document, for example an error.
                if form is EventText and start[:1] in (b"{", b"["):
                    break
                return form() if start or form is not EventText else None
        if start[:1] in (b"{", b"["):
            line, ended, after = start.partition(b"\n")
            if ended and not _is_object(line):
                return WholeJson()
            # One line that is a complete object is a document with a line end, unless another object follows.
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
                if not (self._counts_text and shape.output_text) and self._can_skip(shape, document.text):
                    if shape.keep_latest:
                        self._latest = document
                    continue
                if self._latest is not None:
                    latest, self._latest = self._latest, None
                    self._document(latest)
            self._document(document)

    def _can_skip(self, shape: Shape, text: bytes) -> bool:
        """Return whether *text* can be skipped: model and id are known, and no pattern of the shape matches."""
        if self._named:
            return shape.parse_if is not None and shape.parse_if.search(text) is None
        self._named = type(self._form) is not WholeJson and shape.names <= self._slots.keys()
        return self._named and shape.parse_if is not None and shape.parse_if.search(text) is None

    def _document(self, document: Document) -> None:
        if document.clipped:
            self.skipped += 1
            self._is_clipped = True
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
            self._truncated = bool(found)
            return found

    def _value(self, value: dict[str, Json], event: str, *, is_whole: bool) -> None:
        self._parsed = True
        if self._provider is None:
            self._provider = self._wires.provider_of_body(value)
        shape = self._shape = self._shape or self._shape_of_body(value)
        if shape is None:
            self._is_unread = self._is_unread or (self._is_post and self._wires.reports_usage(value))
            return
        if shape.unwrap is not None and isinstance(value.get(shape.unwrap), str):
            inner = _unwrapped(value[shape.unwrap])
            if inner is None:
                return
            value = inner
        value["$event"] = event
        if shape.batch is not None:
            model = text(self._slots["request"].get("model"))
            self._calls += calls_of(self._wires, self._target, self._provider, shape.batch, value, model)
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
        return self._wires.shape_of_body(value) if self._is_post else None

    @property
    def _is_post(self) -> bool:
        # Only a POST is a call. Other methods return an earlier answer in the same form.
        return self._target.asked[0] in ("", "POST")

    def _count(self, shape: Shape, value: dict[str, Json]) -> None:
        for test, texts in shape.output_text:
            if test is None or test(value):
                for text in texts(value):
                    if isinstance(text, str):
                        self._output_text = self._output_text.plus(text)


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
