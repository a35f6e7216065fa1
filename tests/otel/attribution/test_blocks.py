# SPDX-License-Identifier: Apache-2.0
"""Attribution blocks that do not end in turn, as those inside of generators may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator

import pytest

from spancost import attribution
from tests.otel.processor.simple import Set


@pytest.fixture
def made() -> Set:
    return Set()


def tagged(made: Set, name: str) -> dict[str, str]:
    """The tags of the span called *name*, without `app.`."""
    return {key[4:]: value for key, value in made.kept.of(name).items() if key.startswith("app.")}


def span(made: Set, name: str) -> None:
    made.tracer.start_span(name).end()


def waits(*names: str) -> Generator[None, None, None]:
    """Wait once for each of *names* in a block of its own, which ends when the generator is closed."""
    with attribution(feature="waiting"):
        for _ in names:
            yield


def test_a_block_that_ends_before_one_inside_it_takes_its_own_tags_out(made: Set) -> None:
    """A generator that was left half-way keeps its block open after the block around it: nothing of that one stays."""
    with attribution(team="growth", feature="search"):
        generator = waits("once")
        next(generator)
    span(made, "between")
    generator.close()
    span(made, "after")
    assert tagged(made, "between") == {"feature": "waiting"}
    assert tagged(made, "after") == {}


def test_a_block_that_ends_inside_a_later_one_leaves_that_ones_tags(made: Set) -> None:
    """Also when a generator is closed, or collected, in the middle of other work."""
    with attribution(team="growth"):
        generator = waits("once")
        next(generator)
        with attribution(team="sales", experiment="b"):
            generator.close()
            span(made, "inner")
        span(made, "outer")
    span(made, "after")
    assert tagged(made, "inner") == {"team": "sales", "experiment": "b"}
    assert tagged(made, "outer") == {"team": "growth"}
    assert tagged(made, "after") == {}


def test_a_block_inside_a_decorated_generator_does_not_mix_with_its_callers(made: Set) -> None:
    """While it waits its blocks are its own."""
    generator = attribution(workspace_id="w")(waits)("once", "twice")
    with attribution(team="growth"):
        next(generator)
        span(made, "inside")
    span(made, "between")
    next(generator)
    generator.close()
    span(made, "after")
    assert tagged(made, "inside") == {"team": "growth"}
    assert tagged(made, "between") == tagged(made, "after") == {}


def test_a_block_that_the_event_loop_ends_says_nothing(made: Set, caplog: pytest.LogCaptureFixture) -> None:
    """An asynchronous generator left half-way is closed in a task, and so in a context, of its own."""

    async def waits_too() -> AsyncIterator[None]:
        with attribution(feature="waiting"):
            yield
            yield

    async def main() -> None:
        with attribution(team="growth"):
            async for _ in waits_too():
                break
            await asyncio.sleep(0)
        span(made, "after")

    asyncio.run(main())
    assert "team" not in tagged(made, "after")
    assert not caplog.records
