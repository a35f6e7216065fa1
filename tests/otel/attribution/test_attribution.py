# SPDX-License-Identifier: Apache-2.0
"""Attribution blocks and decorators, and where their tags go."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace
from opentelemetry.context import attach, detach, get_current
from opentelemetry.sdk.resources import Resource

from spancost import SettingsError, attribution
from spancost.config.settings import load
from spancost.otel import attribution as attribution_module
from spancost.otel.registry import PROCESS
from tests.otel.processor.simple import INPUT, MODEL, Set, processor


@pytest.fixture
def made() -> Set:
    return Set()


def tagged(made: Set, name: str) -> dict[str, str]:
    """The tags of the span called *name*, without `app.`."""
    return {key[4:]: value for key, value in made.kept.of(name).items() if key.startswith("app.")}


def span(made: Set, name: str) -> None:
    made.tracer.start_span(name).end()


def test_every_tag_lands_on_every_span_started_inside(made: Set) -> None:
    """On calls and on spans that are none; not on those before and after."""
    everything = dict(zip(attribution_module.ATTRIBUTES, "abcdefgh", strict=True))
    span(made, "before")
    with attribution(**everything):
        span(made, "inside")
        made.call()
    span(made, "after")
    assert tagged(made, "inside") == everything
    assert tagged(made, "call") == everything
    assert tagged(made, "before") == tagged(made, "after") == {}


def test_blocks_nest_and_the_inner_one_wins(made: Set) -> None:
    """None leaves a tag as it is."""
    with attribution(feature="search", team="growth"):
        with attribution(feature="answer", team=None, experiment="b"):
            span(made, "inner")
        span(made, "outer")
    assert tagged(made, "inner") == {"feature": "answer", "team": "growth", "experiment": "b"}
    assert tagged(made, "outer") == {"feature": "search", "team": "growth"}


def test_what_the_application_sets_on_its_span_wins(made: Set) -> None:
    """The nearest statement is the truest."""
    with attribution(feature="search"):
        made.tracer.start_span("span", attributes={"app.feature": "mine"}).end()
    assert tagged(made, "span") == {"feature": "mine"}


def test_an_unknown_tag_is_refused_where_a_function_is_decorated() -> None:
    """At import, with the names that there are and the way to define one."""
    with pytest.raises(
        ValueError, match=r"unknown tag 'feture'; expected one of feature, .*app\.feture.*setting `tags`"
    ):

        @attribution(feture="search")
        def work() -> None:
            """Never defined."""


def test_an_unknown_tag_of_a_block_is_counted_and_logged_once(made: Set, caplog: pytest.LogCaptureFixture) -> None:
    """A request in hand does not fail for a tag."""
    before = PROCESS.tags_refused
    for _ in range(2):
        with attribution(feature="search", flavour="sweet"):
            made.tracer.start_span(f"span {_}").end()
    assert tagged(made, "span 1") == {"feature": "search"}
    assert before + 2 == PROCESS.tags_refused
    assert len([each for each in caplog.records if "flavour" in each.getMessage()]) == 1


def test_further_tags_have_attributes_of_their_own(made: Set) -> None:
    """By attribute, by a short name from the settings, by an alias."""
    load(environ={"SPANCOST_TAGS": "release=app.release, channel=app.sales.channel"})
    with attribution(release=7, channel="web", tenant="w", **{"app.arm": "b", "app.Wrong": "x"}):  # type: ignore[arg-type]
        made.tracer.start_span("span").end()
    assert made.kept.of("span") == {
        "app.release": "7",
        "app.sales.channel": "web",
        "app.workspace_id": "w",
        "app.arm": "b",
    }


@pytest.mark.parametrize("given", ["team=app.x", "a b=app.x", "release=llm.model", "release=app.outcome"])
def test_a_name_that_cannot_be_used_is_refused_at_the_start(given: str) -> None:
    """A name that is taken, no identifier, or another's attribute."""
    with pytest.raises(SettingsError, match="tags: found the "):
        load({"tags": [given]})


def test_numbers_become_text_and_the_rest_is_left_out_and_counted(made: Set) -> None:
    """A column has one type everywhere."""
    before = PROCESS.tags_refused
    with attribution(
        prompt_version=3, workspace_id=True, team=["a"], feature=object(), experiment=10**5000, user_tier="\ud800"
    ):  # type: ignore[arg-type]
        span(made, "span")
    assert tagged(made, "span") == {"prompt_version": "3", "workspace_id": "true"}
    assert PROCESS.tags_refused - before == 4
    assert made.cost.stats["tags_refused"] == PROCESS.tags_refused


def test_a_long_value_is_cut(made: Set) -> None:
    """A prompt put into a tag by mistake does not fill a span."""
    with attribution(feature="é" * 5000, team="t" * 1024):
        span(made, "inside")
    assert tagged(made, "inside") == {"feature": "é" * 1024, "team": "t" * 1024}


def test_a_block_ends_with_an_exception_too(made: Set) -> None:
    """The exception passes."""
    with pytest.raises(KeyError), attribution(feature="search"):
        raise KeyError
    span(made, "after")
    assert tagged(made, "after") == {}


def test_a_span_with_a_context_of_its_own_takes_the_tags_of_that_context(made: Set) -> None:
    """Tags are in the context, not in the thread."""
    with attribution(feature="search"):
        context = get_current()
    made.tracer.start_span("span", context=context).end()
    assert tagged(made, "span") == {"feature": "search"}


def test_tags_go_into_threads_with_the_context_only(made: Set) -> None:
    """As OpenTelemetry's context does."""
    with attribution(feature="search"):
        context, copied = get_current(), contextvars.copy_context()

        def with_context() -> None:
            token = attach(context)
            span(made, "attached")
            detach(token)

        for work in (with_context, lambda: copied.run(span, made, "copied"), lambda: span(made, "alone")):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
    assert tagged(made, "attached") == tagged(made, "copied") == {"feature": "search"}
    assert tagged(made, "alone") == {}


def test_tags_go_into_tasks_and_stay_apart(made: Set) -> None:
    """One object may be entered by many tasks at a time."""
    shared = attribution(team="growth")

    async def work(name: str) -> None:
        with shared, attribution(feature=name):
            await asyncio.sleep(0)
            with shared:
                await asyncio.to_thread(span, made, name)
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(work(f"f{number}") for number in range(5)))
        span(made, "outside")

    asyncio.run(main())
    assert [tagged(made, f"f{n}") for n in range(5)] == [{"team": "growth", "feature": f"f{n}"} for n in range(5)]
    assert tagged(made, "outside") == {}


def test_one_object_in_many_threads_at_a_time(made: Set) -> None:
    """Entering and leaving in one thread does not undo another's."""
    shared = attribution(feature="search")
    together = threading.Barrier(3, timeout=10)

    def work(number: int) -> None:
        with shared:
            together.wait()
            span(made, f"in {number}")
            together.wait()
        span(made, f"out {number}")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert all(tagged(made, f"in {number}") == {"feature": "search"} for number in range(3))
    assert all(tagged(made, f"out {number}") == {} for number in range(3))


def test_a_decorated_function_keeps_its_name_and_result(made: Set) -> None:
    """And may call itself."""

    @attribution(feature="count")
    def count_down(number: int) -> int:
        """Counts."""
        span(made, f"at {number}")
        return count_down(number - 1) if number else 7

    assert count_down(2) == 7
    assert (count_down.__name__, count_down.__doc__) == ("count_down", "Counts.")
    assert tagged(made, "at 0") == {"feature": "count"}


def test_a_decorated_coroutine_is_tagged_while_it_runs(made: Set) -> None:
    """Not when it is made."""

    @attribution(feature="search")
    async def work() -> int:
        await asyncio.sleep(0)
        span(made, "inside")
        return 3

    async def main() -> int:
        pending = work()
        span(made, "outside")
        return await pending

    assert asyncio.run(main()) == 3
    assert tagged(made, "inside") == {"feature": "search"}
    assert tagged(made, "outside") == {}


def test_a_decorated_generator_leaks_nothing_to_its_caller(made: Set) -> None:
    """Its tags and its current span are its own, at every step; the tree of spans is as without the decorator."""

    @attribution(feature="stream")
    def stream() -> Iterator[int]:
        with made.tracer.start_as_current_span("own span"):
            for number in range(2):
                span(made, f"step {number}")
                yield number
        span(made, "end")

    with made.tracer.start_as_current_span("root") as root:
        for number in stream():
            assert trace.get_current_span() is root
            span(made, f"caller {number}")
    assert tagged(made, "step 1") == tagged(made, "end") == {"feature": "stream"}
    assert tagged(made, "caller 0") == tagged(made, "caller 1") == {}


def test_a_decorated_generator_is_sent_to_thrown_into_closed_and_returns(made: Set) -> None:
    """All a generator can do."""
    closed: list[str] = []

    @attribution(feature="talk")
    def talk() -> Iterator[object]:
        try:
            received = yield "ready"
            try:
                yield received
            except KeyError as error:
                yield error.args[0]
            return "done"  # type: ignore[return-value]
        finally:
            closed.append(attribution_module.tags()["app.feature"])

    generator = talk()
    assert next(generator) == "ready"
    assert generator.send("hello") == "hello"  # type: ignore[attr-defined]
    assert generator.throw(KeyError("thrown")) == "thrown"  # type: ignore[attr-defined]
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done"
    unfinished = talk()
    next(unfinished)
    unfinished.close()  # type: ignore[attr-defined]
    assert closed == ["talk", "talk"]
    assert attribution_module.tags() == {}


def test_a_decorated_async_generator_leaks_nothing_and_can_all_it_could(made: Set) -> None:
    """asend, athrow and aclose included."""
    closed: list[str] = []

    @attribution(feature="stream")
    async def stream() -> AsyncIterator[object]:
        try:
            received = yield "ready"
            await asyncio.sleep(0)
            span(made, "step")
            try:
                yield received
            except KeyError:
                yield "caught"
        finally:
            closed.append(attribution_module.tags()["app.feature"])

    async def main() -> None:
        generator = stream()
        assert await generator.asend(None) == "ready"  # type: ignore[attr-defined]
        assert attribution_module.tags() == {}
        assert await generator.asend("hello") == "hello"  # type: ignore[attr-defined]
        assert await generator.athrow(KeyError()) == "caught"  # type: ignore[attr-defined]
        await generator.aclose()  # type: ignore[attr-defined]
        assert [item async for item in stream()] == ["ready", None]

    asyncio.run(main())
    assert closed == ["stream", "stream"]
    assert all(tags == {"app.feature": "stream"} for name, tags in made.kept.spans if name == "step")


def test_the_environment_comes_from_the_resource_when_no_block_names_one() -> None:
    """`deployment.environment.name`, or its older name, on the spans that carry costs."""
    for key in ("deployment.environment.name", "deployment.environment"):
        made = Set(resource=Resource({key: "staging"}))
        with made.tracer.start_as_current_span("root"):
            made.call()
        with attribution(environment="canary"):
            made.call("canary call")
        span(made, "no call")
        assert tagged(made, "call") == tagged(made, "root") == {"environment": "staging"}
        assert tagged(made, "canary call") == {"environment": "canary"}
        assert tagged(made, "no call") == {}


def test_a_call_that_lacks_a_required_tag_is_marked_and_counted() -> None:
    """Calls that are counted, and no other spans; the environment of the resource counts as given."""
    cost = processor(required_tags=("team", "feature", "environment"))
    made = Set(cost, resource=Resource({"deployment.environment.name": "staging"}))
    with made.tracer.start_as_current_span("root"), attribution(feature="search"):
        made.call("lacks")
        with attribution(team="growth"):
            made.call("has", tokens=11)
    assert made.kept.of("lacks")["app.attribution_missing"] == ("app.team",)
    assert "app.attribution_missing" not in made.kept.of("has")
    assert "app.attribution_missing" not in made.kept.of("root")
    assert made.cost.stats["attribution_missing"] == 1


def test_tags_at_the_attribute_limit_push_nothing_out() -> None:
    """A span that starts full keeps what it has."""
    from opentelemetry.sdk.trace import SpanLimits

    made = Set(limits=SpanLimits(max_span_attributes=2))
    with attribution(feature="search", team="growth"):
        made.tracer.start_span("call", attributes={MODEL: "m", INPUT: 1}).end()
    assert made.kept.of("call")[MODEL] == "m"
    assert made.kept.of("call")["llm.request_cost_usd"] == 0.001
