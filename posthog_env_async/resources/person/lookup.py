"""Values looked up in order: one result for each, equal ones asked for once, bounded ahead."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Generic, TypeVar

import attrs

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import Person

from .source import PersonSource, ended

__all__ = ["lookup"]

V = TypeVar("V")

LINE = 10_000
REMEMBERED = 100_000


@attrs.define
class _Line(Generic[V]):
    """The values that still wait for their result, in order; each key is asked for once."""

    source: PersonSource
    remembered: int = REMEMBERED
    waiting: deque[tuple[V, str]] = attrs.field(factory=deque[Any], init=False)
    tasks: dict[str, "asyncio.Task[Mapping[str, Person]]"] = attrs.field(
        factory=dict[str, Any], init=False
    )
    results: dict[str, Person | None] = attrs.field(factory=dict[str, Any], init=False)
    chunk: dict[str, None] = attrs.field(factory=dict[str, Any], init=False)

    def add(self, value: V) -> None:
        key = self.source.key(value)
        self.waiting.append((value, key))
        if key in self.results or key in self.tasks or key in self.chunk:
            return
        self.chunk[key] = None
        if len(self.chunk) >= self.source.size:
            self.send()

    def send(self) -> None:
        """Ask for what was gathered."""
        keys = list(self.chunk)
        self.chunk.clear()
        if keys:
            self.tasks |= dict.fromkeys(keys, asyncio.create_task(self.source.find(keys)))

    @property
    def is_full(self) -> bool:
        most = LINE if self.source.size > 1 else 4 * self.source.concurrency
        return len(self.waiting) >= most

    @property
    def is_ready(self) -> bool:
        """Whether the result of the first value is there."""
        if not self.waiting:
            return False
        key = self.waiting[0][1]
        return key in self.results or (key in self.tasks and self.tasks[key].done())

    async def pop(self) -> tuple[V, Person | None]:
        """Return the first value with its result."""
        value, key = self.waiting[0]
        if key not in self.results:
            if key not in self.tasks:
                self.chunk[key] = None  # not asked for yet, or forgotten meanwhile
                self.send()
            self.remember(key, (await self.tasks[key]).get(key))
            del self.tasks[key]
        self.waiting.popleft()
        return value, self.results[key]

    def remember(self, key: str, person: Person | None) -> None:
        """Keep a result for equal values to come, and forget the oldest of too many."""
        self.results[key] = person
        if len(self.results) > self.remembered:
            del self.results[next(iter(self.results))]


async def lookup(
    source: PersonSource,
    values: Iterable[V] | AsyncIterable[V],
    *,
    remembered: int = REMEMBERED,
) -> AsyncGenerator[tuple[V, Person | None]]:
    """Yield each value with its person, in order; asks ahead, and ends its requests with itself."""
    line = _Line[V](source, remembered)
    try:
        async with aclosing(_each(values)) as each:
            async for value in each:
                line.add(value)
                while line.is_full or line.is_ready:
                    yield await line.pop()
        line.send()
        while line.waiting:
            yield await line.pop()
    finally:
        await ended(list(line.tasks.values()))


async def _each(values: Iterable[V] | AsyncIterable[V]) -> AsyncGenerator[V]:
    if isinstance(values, AsyncIterable):
        async for value in values:
            yield value
    elif isinstance(values, str | bytes):
        raise ConfigurationError("look up an iterable of values, not a single text")
    else:
        for value in values:
            yield value
