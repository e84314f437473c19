"""Whatever is inserted and deleted meanwhile: whoever stayed is yielded once, in order."""

import math
from collections.abc import AsyncIterator, Sequence
from random import Random
from uuid import UUID

import anyio
import attrs
from hypothesis import given
from hypothesis import strategies as st

from posthog_env_async import (
    Backoff,
    ListingReport,
    ListingRun,
    PaginationError,
    Person,
    PostHogEnv,
)
from posthog_env_async.testing import Drift, FakePostHog

# A case with many more requests than this is slow and says nothing new.
MOST_PAGES = 30


@attrs.frozen
class Change:
    """What happens before one request: rows come and go, in one kind of place."""

    inserts: int
    deletes: int
    where: str
    chance: int

    def happen(self, fake: FakePostHog) -> None:
        random, near, total = Random(self.chance), near_the_reader(fake), len(fake.uuids())
        for _ in range(self.inserts):
            fake.insert(at=self.place(random, near, total))
        for left in range(total, max(0, total - self.deletes), -1):
            fake.delete([min(self.place(random, near, left), left - 1)])

    def place(self, random: Random, near: int, total: int) -> int:
        if self.where == "front":
            return 0
        if self.where == "anywhere":
            return random.randint(0, total)
        return max(0, near + random.randint(-20, 20))


@attrs.frozen
class Case:
    """A set, how it changes, and how it is read."""

    total: int
    page_size: int
    prefetch: int
    orphans: float
    tie: int
    changes: Sequence[Change]

    def server(self) -> FakePostHog:
        def script(fake: FakePostHog, request: int) -> None:
            if request <= len(self.changes):
                self.changes[request - 1].happen(fake)

        return FakePostHog(
            persons=self.total, orphans=self.orphans, tie=self.tie, drift=Drift(script=script)
        )


def near_the_reader(fake: FakePostHog) -> int:
    asked = [request.query for request in fake.requests if "offset" in request.query]
    return int(asked[-1]["offset"]) if asked else 0


few_or_many = st.one_of(st.integers(0, 3), st.integers(0, 40))
changes = st.builds(
    Change,
    inserts=few_or_many,
    deletes=few_or_many,
    where=st.sampled_from(["front", "anywhere", "near"]),
    chance=st.integers(0, 2**16),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    page_size = draw(st.one_of(st.integers(1, 12), st.integers(1, 400)))
    return Case(
        total=draw(st.integers(0, min(3_000, MOST_PAGES * page_size))),
        page_size=page_size,
        prefetch=draw(st.integers(0, 8)),
        orphans=draw(st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.3])),
        tie=draw(st.sampled_from([1, 1, 2, 7, 40])),
        changes=draw(st.lists(changes, max_size=30)),
    )


@given(case=cases())
def test_whoever_stays_is_yielded_exactly_once_in_the_order_of_the_server(case: Case) -> None:
    yielded, stayed, report = anyio.run(read_to_the_end, case)

    uuids = [person.uuid for person in yielded]
    assert report.items == len(uuids)
    assert report.complete or case.orphans or case.changes
    if report.complete:
        assert len(uuids) == len(set(uuids))
        assert set(stayed) <= set(uuids)
        in_turn = [person for person in yielded if person.uuid in set(stayed)]
        assert_in_order(in_turn, stayed, case.tie)


@given(case=cases(), kills=st.lists(st.integers(0, 700), max_size=5))
def test_a_run_that_is_killed_anywhere_goes_on_from_its_token(
    case: Case, kills: Sequence[int]
) -> None:
    try:
        yielded, stayed = anyio.run(read_in_parts, case, kills)
    except PaginationError:
        # A token knows some rows by name: where all of them are gone, going on is refused.
        assert kills
        assert case.changes
        return

    uuids = [person.uuid for person in yielded]
    assert len(uuids) == len(set(uuids))
    assert set(stayed) <= set(uuids)
    assert_in_order([person for person in yielded if person.uuid in set(stayed)], stayed, case.tie)


async def read_in_parts(case: Case, kills: Sequence[int]) -> tuple[list[Person], list[UUID]]:
    """Read as processes would that are killed after so many items: only the token survives."""
    yielded, token = list[Person](), None
    async with case.server() as fake:
        for taken in (*kills, None):
            async with client(fake) as env:
                listing = env.persons.list(page_size=case.page_size, prefetch=case.prefetch)
                part = listing if token is None else listing.resume(token)
                async with part.iterate() as run:
                    async for person in limited(run, taken):
                        yielded.append(person)
                    token = run.token
        return yielded, fake.existed_throughout()


async def limited(run: ListingRun[Person], taken: int | None) -> AsyncIterator[Person]:
    left = math.inf if taken is None else taken
    while left > 0 and (person := await anext(run, None)) is not None:
        yield person
        left -= 1


async def read_to_the_end(case: Case) -> tuple[list[Person], list[UUID], ListingReport]:
    async with case.server() as fake, client(fake) as env:
        listing = env.persons.list(page_size=case.page_size, prefetch=case.prefetch)
        async with listing.iterate(on_gap="report") as run:
            yielded = [person async for person in run]
        return yielded, fake.existed_throughout(), run.report


def assert_in_order(yielded: Sequence[Person], stayed: Sequence[UUID], tie: int) -> None:
    if tie == 1:
        assert [person.uuid for person in yielded] == list(stayed)
    created = [person.created_at for person in yielded if person.created_at is not None]
    assert created == sorted(created, reverse=True)


def client(fake: FakePostHog) -> PostHogEnv:
    backoff = Backoff(base=0.0)
    return PostHogEnv(1, api_key=fake.key, host=fake.url, prefix="projects", backoff=backoff)
