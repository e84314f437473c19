"""Sets that the outside search found, each as small as it could be made."""

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import anyio
import attrs
import pytest

from model_runs import ModelSession, Outcome, listing_of, read_in_parts
from model_server import ModelServer, PersonSet
from posthog_env_async import PaginationError
from posthog_env_async.pagination.seams.page_times import PageTimes, milliseconds
from posthog_env_async.pagination.seams.seen_rows import SeenRows


def read(
    server: ModelServer,
    *,
    most: int = 200,
    page_size: int,
    prefetch: int = 0,
    taken: list[int] | None = None,
) -> Outcome:
    async def run() -> Outcome:
        session = ModelSession(server, most, Random(1))
        listing = listing_of(session, page_size=page_size, prefetch=prefetch)
        return await read_in_parts(listing, taken or [], server)

    return anyio.run(run)


def test_persons_that_pass_a_reader_of_ghosts_are_found_or_missed_aloud() -> None:
    persons = PersonSet.of(1_200, 1)
    for row in persons.rows[:1_000]:
        persons.hide(row)
    server = ModelServer(persons)
    server.change = lambda request: persons.delete_range(0, 200) if 1 < request < 6 else None

    outcome = read(server, page_size=100)

    assert not outcome.is_complete or set(outcome.numbers) >= persons.untouched


def test_a_set_of_ghosts_alone_is_read_with_the_page_size_of_the_caller() -> None:
    persons = PersonSet.of(3_000, 1)
    for row in persons.rows:
        persons.hide(row)

    outcome = read(ModelServer(persons), page_size=1_000, most=11)

    assert outcome.is_complete
    assert not outcome.numbers


def test_one_person_between_ghosts_costs_as_many_requests_as_there_are_pages_and_few_more() -> None:
    persons = PersonSet.of(2_573, 1)
    for row in persons.rows:
        if row is not persons.rows[1_286]:
            persons.hide(row)

    outcome = read(ModelServer(persons), page_size=1_000, most=11)

    assert outcome.is_complete
    assert set(outcome.numbers) == persons.untouched


def test_ghosts_in_front_of_all_persons_are_read_once_more_and_no_oftener() -> None:
    persons = PersonSet.of(1_195, 1)
    for row in persons.rows[:878]:
        persons.hide(row)

    outcome = read(ModelServer(persons), page_size=1_000, most=4)

    assert outcome.is_complete
    assert set(outcome.numbers) == persons.untouched


@pytest.mark.parametrize("prefetch", [0, 8])
@pytest.mark.parametrize(("page_size", "share"), [(1_000, 0.1), (128, 0.5), (64, 0.5), (250, 0.3)])
def test_a_quiet_set_with_ghosts_costs_few_requests_more(
    page_size: int, share: float, prefetch: int
) -> None:
    persons, random = PersonSet.of(4_000, 1), Random(1)
    for row in persons.rows:
        if random.random() < share:
            persons.hide(row)

    outcome = read(ModelServer(persons), page_size=page_size, prefetch=prefetch)

    least = -(-4_000 // page_size)
    assert outcome.is_complete
    assert set(outcome.numbers) == persons.untouched
    # Besides those that are read ahead of the end.
    assert outcome.requests <= 1.2 * least + 3 + prefetch


def test_a_few_persons_behind_many_ghosts_are_looked_for_page_by_page() -> None:
    persons = PersonSet.of(1_700, 1)
    for row in persons.rows[:382]:
        persons.hide(row)

    async def first() -> tuple[list[bytes], int]:
        session = ModelSession(ModelServer(persons), 20, Random(1))
        return await listing_of(
            session, page_size=250, max_items=1
        ).collect(), session.server.requests

    rows, requests = anyio.run(first)

    assert len(rows) == 1
    assert requests <= 8


def test_ghosts_behind_a_page_that_may_have_been_cut_are_stepped_over() -> None:
    persons = PersonSet.of(1_500, 1)
    for row in persons.rows[400:1_300]:
        persons.hide(row)

    outcome = read(ModelServer(persons), page_size=2_000, most=9)

    assert outcome.is_complete
    assert set(outcome.numbers) == persons.untouched


def test_ghosts_that_the_server_counts_are_no_rows_that_are_missing() -> None:
    persons = PersonSet.of(347, 1)
    for row in persons.rows:
        persons.hide(row)

    outcome = read(ModelServer(persons, counts=True), page_size=1_000, prefetch=4, most=14)

    assert outcome.is_complete
    assert not outcome.numbers


def test_a_server_that_counts_and_caps_without_next_comes_to_an_end() -> None:
    server = ModelServer(PersonSet.of(1_282, 1), cap=1_000, counts=True, cap_is_null=True)

    outcome = read(server, page_size=2_000, most=20)

    assert outcome.is_complete
    assert set(outcome.numbers) == server.persons.untouched


def test_a_row_handed_out_before_thousands_came_in_front_comes_once() -> None:
    persons = PersonSet.of(11, 1)
    server = ModelServer(persons)
    server.change = lambda request: persons.sign_up(2_069) if request == 1 else None

    outcome = read(server, page_size=1_000, taken=[1, 1_063])

    assert not outcome.doubled() & persons.untouched or not outcome.is_complete


def test_a_row_older_than_those_behind_it_proves_nothing() -> None:
    seen = SeenRows()
    seen.remember([1, 2], PageTimes(lambda place: ("2026-01-09", "2026-01-01")[place]))

    seen.distrust(milliseconds("2026-01-05"))

    assert (seen.is_timed(1), seen.is_timed(2)) == (True, False)
    assert seen.places([1, 2]) == [0, 1]


def test_a_run_that_gains_a_row_now_and_then_ends_within_its_bound() -> None:
    persons = PersonSet.of(300, 1)

    def change(request: int) -> None:
        for row in persons.rows:
            persons.misdate(row, row.shown + 1)
        persons.sign_up(int(request % 25 == 0))

    outcome = read(ModelServer(persons, change), page_size=100, most=5_000)

    assert not outcome.is_complete
    assert outcome.requests <= 32 + 12 * outcome.reports[-1].pages
    assert outcome.requests < 150


@pytest.mark.parametrize("rows", [50, 250])
def test_a_person_that_stands_twice_on_a_page_comes_once(rows: int) -> None:
    persons = PersonSet.of(rows, 1)
    persons.rows[3] = attrs.evolve(persons.rows[2])

    outcome = read(ModelServer(persons), page_size=100)

    assert len(set(outcome.numbers)) == len(outcome.numbers) == rows - 1
    assert outcome.is_complete


async def all_of(items: AsyncIterator[Any]) -> None:
    async for _ in items:
        pass


@pytest.mark.parametrize(
    "use",
    [
        lambda listing: listing.collect(),
        lambda listing: all_of(aiter(listing)),
        lambda listing: all_of(listing.pages()),
        lambda listing: all_of(listing.rows()),
    ],
    ids=["collect", "async for", "pages", "rows"],
)
async def test_an_end_that_is_not_proven_raises_where_nobody_sees_a_report(use: Any) -> None:
    server = ModelServer(PersonSet.of(300, 1), more="count")
    server.change = lambda _: setattr(server, "cap", 0)
    listing = listing_of(ModelSession(server, 200, Random(1)), page_size=100)

    with pytest.raises(PaginationError, match="could not be proven") as caught:
        await use(listing)

    assert caught.value.resume_token
