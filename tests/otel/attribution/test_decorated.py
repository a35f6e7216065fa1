# SPDX-License-Identifier: Apache-2.0
"""`@attribution` on whatever can be called: objects, partials, classes and their methods."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from spancost import attribution
from tests.otel.attribution.test_attribution import tagged
from tests.otel.processor.simple import Set


@pytest.fixture
def made() -> Set:
    return Set()


class Tool:
    """An object that is called like a coroutine function."""

    async def __call__(self, span: str, made: Set) -> None:
        await asyncio.sleep(0)
        with made.tracer.start_as_current_span(span):
            pass


async def as_coroutine(span: str, made: Set) -> None:
    await Tool()(span, made)


@pytest.mark.parametrize(
    "function",
    [Tool(), partial(Tool()), partial(as_coroutine), lambda span, made: as_coroutine(span, made)],
    ids=["object", "partial of an object", "partial", "function that returns a coroutine"],
)
def test_whatever_is_awaited_is_tagged_while_it_runs(function: Any, made: Set) -> None:
    """Not only where `async def` is seen from outside."""
    asyncio.run(attribution(feature="search")(function)("work", made))
    assert tagged(made, "work") == {"feature": "search"}


def test_a_decorated_class_stays_a_class_and_its_methods_are_tagged(made: Set) -> None:
    """Plain, async, class and static methods; what it inherits is as it was."""

    class Base:
        def inherited(self) -> None:
            made.tracer.start_span("inherited").end()

    @attribution(feature="search")
    class Service(Base):
        limit = 3

        def plain(self) -> None:
            made.tracer.start_span("plain").end()

        async def awaited(self) -> None:
            made.tracer.start_span("awaited").end()

        @classmethod
        def of_class(cls) -> type:
            made.tracer.start_span("of class").end()
            return cls

        @staticmethod
        def static() -> None:
            made.tracer.start_span("static").end()

    service = Service()
    assert isinstance(service, Service) and service.limit == 3
    service.plain()
    asyncio.run(service.awaited())
    assert service.of_class() is Service
    service.static()
    service.inherited()
    for name in ("plain", "awaited", "of class", "static"):
        assert tagged(made, name) == {"feature": "search"}, name
    assert tagged(made, "inherited") == {}
