# SPDX-License-Identifier: Apache-2.0
"""Who and what a call is for: `app.*` tags that travel in the OpenTelemetry context and land on every span started."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, NamedTuple, TypeVar, cast

from opentelemetry.context import Context, attach, create_key, detach, get_current

from spancost.config.settings import load
from spancost.config.tags import ATTRIBUTES, attribute_of
from spancost.otel.registry import PROCESS

LOGGER = logging.getLogger("spancost")
F = TypeVar("F", bound=Callable[..., Any])

MAX_LENGTH = 1024
"""The longest value of a tag, in characters; a longer one is cut."""
_KEY = create_key("spancost-attribution")


class _Block(NamedTuple):
    """A block that was entered: whose it is, the tags it put in force, and those in force before."""

    owner: object
    new: Mapping[str, str]
    before: Mapping[str, str]

    def out_of(self, found: Mapping[str, str]) -> dict[str, str]:
        """Return *found* with this block's tags as they were before it."""
        left = dict(found)
        for key, value in self.new.items():
            if left.get(key) == value:
                del left[key]
                if key in self.before:
                    left[key] = self.before[key]
        return left


_open: ContextVar[tuple[_Block, ...]] = ContextVar("spancost-attribution-open", default=())
"""The blocks that are open here, outermost first. Not kept in the object: many tasks may enter one at a time."""


def tags(context: Context | None = None) -> Mapping[str, str]:
    """Return the tags in force in *context* (the current one when None), attribute name -> text; do not change it."""
    found = (get_current() if context is None else context).get(_KEY)
    return found if isinstance(found, dict) else {}


def with_tags(new: Mapping[str, str], context: Context | None = None) -> Context:
    """Return *context* (the current one when None) with *new* over the tags that are in force there."""
    if not PROCESS.uses_tags:
        PROCESS.tags_in_use()
    base = get_current() if context is None else context
    return Context({**base, _KEY: {**tags(base), **new}})


class attribution:
    """Put `app.*` tags on every span started inside a block, or inside a function, generators and async ones included.

    Of a class, it decorates the methods that the class defines.

    `with attribution(feature="search", team="growth"): ...` or `@attribution(feature="search")`. Blocks nest: the
    inner one adds to the outer and wins over it. The tags go where OpenTelemetry's context goes: into tasks, and into
    threads that are given the context; to other services only when `baggage` is switched on. None leaves a tag as it
    is; a number becomes text, a text is cut after 1,024 characters; anything else is left out and counted
    (`tags_refused`).

    Further tags are given by the name of their attribute (`**{'app.release': '7'}`), or by a short name that the
    setting `tags` defines. `tenant` is `workspace_id`. An unknown name raises ValueError where a function is decorated;
    a block leaves it out, counts it (`tags_refused`) and logs it once: blocks are entered while requests are served.
    """

    def __init__(
        self,
        *,
        feature: str | None = None,
        team: str | None = None,
        workspace_id: str | None = None,
        user_tier: str | None = None,
        experiment: str | None = None,
        environment: str | None = None,
        prompt_name: str | None = None,
        prompt_version: str | None = None,
        **more: str | None,
    ) -> None:
        given = (feature, team, workspace_id, user_tier, experiment, environment, prompt_name, prompt_version)
        self._tags: dict[str, str] = {}
        self._fault: ValueError | None = None
        for attribute, value in zip(ATTRIBUTES.values(), given, strict=True):
            if value is not None and (text := _text(value)) is not None:
                self._tags[attribute] = text
        for name, value in more.items():
            try:
                attribute = _attribute_of(name)
            except ValueError as error:
                self._fault = error
                continue
            if value is not None and (text := _text(value)) is not None:
                self._tags[attribute] = text

    def __enter__(self) -> None:
        if self._fault is not None:
            PROCESS.tags_refused += 1
            _say_once(str(self._fault))
        block = _Block(self, self._tags, tags())
        attach(with_tags(self._tags))
        _open.set((*_open.get(), block))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Blocks do not always end in turn: one inside a generator is open while that waits, and may be ended
        # by the garbage collector, in another block or context. So each takes out its own tags and no more.
        blocks = _open.get()
        place = next((place for place in reversed(range(len(blocks))) if blocks[place].owner is self), None)
        if place is None:
            return
        ended, later = blocks[place], blocks[place + 1 :]
        left = ended.out_of(tags())
        for block in later:
            left.update(block.new)
        _open.set((*blocks[:place], *(block._replace(before=ended.out_of(block.before)) for block in later)))
        attach(Context({**get_current(), _KEY: left}))

    def __call__(self, function: F) -> F:
        if self._fault is not None:
            raise self._fault
        return cast(F, self._around(function))

    def _around(self, function: Any) -> Any:
        if isinstance(function, type):
            return self._around_methods(function)
        if isinstance(function, staticmethod | classmethod):
            return type(function)(self._around(function.__func__))
        called = _code_of(function)
        if inspect.isasyncgenfunction(called):
            return self._around_async_generator(function)
        if inspect.isgeneratorfunction(called):
            return self._around_generator(function)
        if inspect.iscoroutinefunction(called):
            return self._around_coroutine(function)
        return self._around_function(function)

    def _around_methods(self, kind: type) -> type:
        """Decorate the methods that *kind* defines itself, and return it: it stays a class."""
        for name, member in list(vars(kind).items()):
            is_special = name.startswith("__") and name not in ("__init__", "__call__")
            if not is_special and (inspect.isfunction(member) or isinstance(member, staticmethod | classmethod)):
                setattr(kind, name, self._around(member))
        return kind

    def _around_function(self, function: Any) -> Any:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                result = function(*args, **kwargs)
            return self._awaited(result) if inspect.iscoroutine(result) else result

        return call

    async def _awaited(self, coroutine: Any) -> Any:
        with self:
            return await coroutine

    def _around_coroutine(self, function: Any) -> Any:
        @functools.wraps(function)
        async def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await function(*args, **kwargs)

        return call

    def _around_generator(self, function: Any) -> Any:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            inside = _Inside(self._tags)
            generator = function(*args, **kwargs)
            step, value = generator.send, None
            while True:
                try:
                    item = inside.run(step, value)
                except StopIteration as stop:
                    return stop.value
                try:
                    step, value = generator.send, (yield item)
                except GeneratorExit:
                    inside.run(generator.close)
                    raise
                except BaseException as error:
                    step, value = generator.throw, error

        return call

    def _around_async_generator(self, function: Any) -> Any:
        @functools.wraps(function)
        async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            inside = _Inside(self._tags)
            generator = function(*args, **kwargs)
            step, value = generator.asend, None
            while True:
                try:
                    item = await inside.run_async(step, value)
                except StopAsyncIteration:
                    return
                try:
                    step, value = generator.asend, (yield item)
                except GeneratorExit:
                    await inside.run_async(generator.aclose)
                    raise
                except BaseException as error:
                    step, value = generator.athrow, error

        return call


@functools.cache
def _define_tags() -> None:
    """Load the names that the settings define: a decorator may name one before any processor is made."""
    load()


def _attribute_of(name: str) -> str:
    try:
        return attribute_of(name)
    except ValueError:
        _define_tags()
        return attribute_of(name)


@functools.lru_cache(256)
def _say_once(fault: str) -> None:
    LOGGER.error("spancost: attribution: %s; the tag is left out", fault)


def _code_of(function: Any) -> Any:
    """Return what runs when *function* is called: of an object its `__call__`, of a partial the function in it."""
    while isinstance(function, functools.partial):
        function = function.func
    return function if inspect.isroutine(function) else inspect.getattr_static(type(function), "__call__", function)


class _Inside:
    """The context inside a generator, put in place for each step and taken away between steps.

    Without this the tags, and the spans a generator makes current, would leak to its caller at every `yield`.
    """

    __slots__ = ("_blocks", "_context", "_tags")

    def __init__(self, new: Mapping[str, str]) -> None:
        self._tags = new
        self._context: Context | None = None
        self._blocks: tuple[_Block, ...] = ()

    def _enter(self) -> tuple[Token[Context], tuple[_Block, ...]]:
        outside = _open.get()
        _open.set(self._blocks)
        return attach(with_tags(self._tags) if self._context is None else self._context), outside

    def _leave(self, token: Token[Context], outside: tuple[_Block, ...]) -> None:
        self._context, self._blocks = get_current(), _open.get()
        _open.set(outside)
        detach(token)

    def run(self, step: Callable[..., Any], *args: Any) -> Any:
        entered = self._enter()
        try:
            return step(*args)
        finally:
            self._leave(*entered)

    async def run_async(self, step: Callable[..., Any], *args: Any) -> Any:
        entered = self._enter()
        try:
            return await step(*args)
        finally:
            self._leave(*entered)


def is_unicode(text: str) -> bool:
    """Whether *text* can be exported: an attribute with half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: object) -> str | None:
    """Return *value* as the text of a tag; None, and counted, when it is no text, number or boolean."""
    if isinstance(value, str) and is_unicode(value):
        return value if len(value) <= MAX_LENGTH else value[:MAX_LENGTH]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        try:
            return str(value)
        except ValueError:  # an int beyond the interpreter's limit of digits
            pass
    PROCESS.tags_refused += 1
    return None
