"""Values looked up in order: what is asked for, and what is remembered."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast
from uuid import UUID

import anyio
import anyio.lowlevel
import attrs
import pytest

from posthog_env_async import Person
from posthog_env_async.resources.person.lookup import lookup
from posthog_env_async.resources.person.source import PersonSource


@attrs.define
class Register:
    """Persons by number, two a request; it keeps what it was asked for."""

    concurrency: int = 2
    size: int = 2
    asked: list[list[str]] = attrs.field(factory=list)

    def key(self, value: object) -> str:
        return str(value)

    async def find(self, keys: list[str]) -> Mapping[str, Person]:
        self.asked.append(keys)
        return {key: Person(uuid=UUID(int=int(key))) for key in keys if int(key)}


async def looked_up(register: Register, values: list[int], remembered: int) -> list[Any]:
    pairs = lookup(cast("PersonSource", register), values, remembered=remembered)
    return [(value, person and person.uuid.int) async for value, person in pairs]


async def test_equal_values_are_asked_for_once() -> None:
    register = Register()

    pairs = await looked_up(register, [1, 2, 1, 0, 0, 2, 1], 100)

    assert pairs == [(1, 1), (2, 2), (1, 1), (0, None), (0, None), (2, 2), (1, 1)]
    assert register.asked == [["1", "2"], ["0"]]


@pytest.mark.parametrize("remembered", [1, 2, 3])
async def test_what_was_forgotten_is_asked_for_again(remembered: int) -> None:
    register = Register()
    values = [1, 2, 3, 4, 1, 2, 3, 4, 1]

    pairs = await looked_up(register, values, remembered)

    assert pairs == [(value, value) for value in values]
    assert sum(map(len, register.asked)) > 4


async def test_results_are_given_before_more_values_are_taken() -> None:
    events = list[str]()

    async def values() -> AsyncIterator[int]:
        for number in (1, 1, 2):
            events.append(f"value {number}")
            yield number
            await anyio.lowlevel.checkpoint()

    register = cast("PersonSource", Register(size=1))
    async for value, _ in lookup(register, values()):
        events.append(f"result {value}")

    assert events == ["value 1", "value 1", "result 1", "result 1", "value 2", "result 2"]
