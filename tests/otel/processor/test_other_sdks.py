# SPDX-License-Identifier: Apache-2.0
"""An SDK that keeps attributes otherwise than those we know: the public ways still lead there."""

from __future__ import annotations

from typing import Any

from spancost.otel.processor.sdk_access import held, write


class _Recording:
    """A span that takes attributes by its public method only."""

    def __init__(self, recording: bool) -> None:
        self.attributes: dict[str, Any] = {"kept": 1}
        self.recording = recording

    def is_recording(self) -> bool:
        return self.recording

    def set_attributes(self, new: dict[str, Any]) -> None:
        assert self.recording
        self.attributes = {**self.attributes, **new}


class _Ended(_Recording):
    """A span whose attributes are a plain mapping once it has ended."""

    def __init__(self) -> None:
        super().__init__(recording=False)
        self._attributes: dict[str, Any] = dict(self.attributes)


def test_a_recording_span_without_a_dictionary_takes_them_by_its_method() -> None:
    """Nothing private is needed."""
    span = _Recording(recording=True)
    assert held(span) is None
    write(span, {"new": 2})
    assert span.attributes == {"kept": 1, "new": 2}


def test_an_ended_span_without_a_dictionary_gets_a_new_mapping() -> None:
    """What it held is kept."""
    span = _Ended()
    write(span, {"new": 2})
    assert span._attributes == {"kept": 1, "new": 2}
