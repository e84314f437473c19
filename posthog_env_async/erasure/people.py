"""Whom to erase: persons, or what they are known by, resolved to uuids."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import aclosing
from typing import Any, Literal
from uuid import UUID

from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import ConfigurationError, ResponseDecodeError
from posthog_env_async.models import Person

__all__ = ["By", "People", "resolve"]

By = Literal["distinct_id", "uuid", "email"]
People = (
    Iterable[str] | Iterable[UUID] | Iterable[Person] | AsyncIterable[str] | AsyncIterable[Person]
)
Resolved = tuple[str, str, tuple[UUID, ...]]


async def resolve(
    env: PostHogEnv,
    people: People,
    by: By,
    *,
    is_settled: Callable[[str, str], bool],
    concurrency: int,
) -> AsyncGenerator[Resolved]:
    """Yield by what and for which text somebody was asked for, with the uuids of whom it means.

    What `is_settled` is not asked for again. A person is taken as it is, without a look-up.
    """
    if by not in ("distinct_id", "uuid", "email"):
        raise ConfigurationError("by must be 'distinct_id', 'uuid' or 'email'")
    async with aclosing(_split(people)) as each:
        first = await anext(each, None)
        if first is None:
            return
        if isinstance(first, Person):
            # All of them before the first is deleted: a listing must not be cut from under itself.
            persons = {str(person.uuid): person.uuid async for person in _persons(first, each)}
            for text, uuid in persons.items():
                if not is_settled("uuid", text):
                    yield "uuid", text, (uuid,)
            return
        values = _values(first, each, by, is_settled)
        found = _by_email(env, values, concurrency) if by == "email" else None
        if found is None:
            found = _looked_up(env, values, by, concurrency)
        async with aclosing(found):
            async for entry in found:
                yield entry


async def _split(people: People) -> AsyncGenerator[Any]:
    if isinstance(people, AsyncIterable):
        async for each in people:
            yield each
    elif isinstance(people, str | bytes | Person):
        raise ConfigurationError("people is an iterable of ids or persons, not a single one")
    else:
        for one in people:
            yield one


async def _persons(first: Person, others: AsyncGenerator[Any]) -> AsyncGenerator[Person]:
    yield first
    async for each in others:
        if not isinstance(each, Person):
            raise ConfigurationError("people are all persons, or all ids")
        yield each


async def _values(
    first: object, others: AsyncGenerator[Any], by: By, is_settled: Callable[[str, str], bool]
) -> AsyncGenerator[str]:
    text = _text(first, by)
    if not is_settled(by, text):
        yield text
    async for each in others:
        text = _text(each, by)
        if not is_settled(by, text):
            yield text


def _text(value: object, by: By) -> str:
    if isinstance(value, Person):
        raise ConfigurationError("people are all persons, or all ids")
    if by != "uuid":
        return value if isinstance(value, str) else ""
    try:
        return str(UUID(str(value)))
    except ValueError:
        wrong = "by='uuid' needs UUIDs or their texts"
    raise ConfigurationError(wrong)


async def _looked_up(
    env: PostHogEnv, values: AsyncGenerator[str], by: By, concurrency: int
) -> AsyncGenerator[Resolved]:
    pairs = env.persons.lookup(values, by=by, concurrency=concurrency, warn=False)
    async with aclosing(pairs):
        async for value, person in pairs:
            yield by, value, () if person is None else (person.uuid,)


async def _by_email(
    env: PostHogEnv, values: AsyncGenerator[str], concurrency: int
) -> AsyncGenerator[Resolved]:
    """Find everybody who has an e-mail address: several persons may share one."""
    chunk = list[str]()
    async for value in values:
        chunk.append(value)
        if len(chunk) == concurrency:
            for entry in await _all_of(env, chunk):
                yield entry
            chunk.clear()
    for entry in await _all_of(env, chunk):
        yield entry


async def _all_of(env: PostHogEnv, emails: list[str]) -> list[Resolved]:
    tasks = [asyncio.ensure_future(_everybody(env, email)) for email in emails]
    try:
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _everybody(env: PostHogEnv, email: str) -> Resolved:
    uuids = list[UUID]()
    async with aclosing(aiter(env.persons.list(email=email, page_size=100))) as persons:
        async for person in persons:
            if person.properties.get("email") != email:
                raise ResponseDecodeError("the server does not filter by e-mail: nobody was erased")
            uuids.append(person.uuid)
    return "email", email, tuple(uuids)
