"""Sets that were read over several tokens when the outside search found a fault, made small."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from uuid import UUID

import anyio
import attrs
import pytest

from model_runs import ModelSession, Outcome, listing_of
from model_server import LINK, ModelServer, PersonSet
from posthog_env_async import PaginationError
from posthog_env_async.converter import BYTES_ROWS


class SkippingServer(ModelServer):
    """Cuts pages and names the next one as if it had not."""

    def _links(self, offset: int, limit: int, rows: int, everything: int) -> dict[str, Any]:
        follows = rows == min(limit, self.cap)
        return {"next": f"{LINK}?limit={limit}&offset={offset + limit}" if follows else None}


@attrs.frozen
class Leg:
    """A run of so many rows with a page size, and what happens behind it."""

    page_size: int
    rows: int = 10**9
    then: Callable[[], Any] = lambda: None


def read(server: ModelServer, legs: Sequence[Leg], *, most: int = 200, offset: int = 0) -> Outcome:
    """Read in legs: nothing but a token goes from one to the next."""
    return anyio.run(_read, server, legs, most, offset)


async def _read(server: ModelServer, legs: Sequence[Leg], most: int, offset: int) -> Outcome:
    session, token, report = ModelSession(server, most, Random(1)), "", None
    numbers = list[int]()
    for leg in legs:
        listing = listing_of(session, page_size=leg.page_size, offset=offset)
        if token:
            listing = listing.resume(token)
        async with listing.iterate() as run:
            try:
                for _ in range(leg.rows):
                    numbers.append(UUID(BYTES_ROWS.key(await anext(run))).int)
            except StopAsyncIteration:
                pass
            except PaginationError as error:
                return Outcome(numbers, None, error, server.requests)
            report, token = run.report, run.token
        leg.then()
    return Outcome(numbers, report, None, server.requests)


def assert_exact(outcome: Outcome, persons: PersonSet) -> None:
    """See that untouched persons came exactly once, and that the listing says so."""
    assert not outcome.doubled() & persons.untouched
    assert set(outcome.numbers) >= persons.untouched
    assert outcome.is_complete


def assert_honest(outcome: Outcome, persons: PersonSet) -> None:
    """See that untouched persons came exactly once, unless the listing says otherwise."""
    if outcome.is_complete:
        assert_exact(outcome, persons)


def test_the_rows_of_a_large_page_do_not_come_again_behind_a_small_one() -> None:
    persons = PersonSet.of(3_800, 1)
    gone = [Leg(9_000, 3_426, lambda: persons.delete_range(0, 2_000)), Leg(100, 50), Leg(9_000)]

    assert_exact(read(ModelServer(persons), gone), persons)


def test_rows_tied_with_the_first_that_a_token_names_do_not_come_again() -> None:
    persons = PersonSet.of(2_000, 1, tie=80)
    tail = Leg(250, 1_500, lambda: persons.delete_range(1_390, 108))

    assert_honest(read(ModelServer(persons), [tail, Leg(250)]), persons)


def test_rows_whose_time_is_odd_do_not_come_again_without_a_word() -> None:
    persons, random = PersonSet.of(1_200, 1), Random(1)
    for row in random.sample(persons.rows, 60):
        persons.misdate(row, max(0, row.key + random.randint(-700, 700)))

    for taken in (300, 999, 1_188):
        outcome = read(ModelServer(persons), [Leg(1_000, taken), Leg(1_000)])
        assert_honest(outcome, persons)


def test_an_import_in_front_of_a_resumed_run_brings_no_row_twice() -> None:
    persons = PersonSet.of(3_000, 1)
    server = ModelServer(persons)
    server.change = lambda request: persons.sign_up(2_500) if request == 8 else None

    assert_exact(read(server, [Leg(250, 750), Leg(250)]), persons)


def test_an_import_between_two_resumed_runs_brings_no_row_twice() -> None:
    persons = PersonSet.of(2_000, 1)
    legs = [Leg(100, 450), Leg(100, 400, lambda: persons.sign_up(700)), Leg(100)]

    assert_exact(read(ModelServer(persons), legs), persons)


def test_a_page_that_shows_an_import_in_front_of_the_rows_of_a_token_is_not_given_up() -> None:
    persons = PersonSet.of(3_200, 1)

    outcome = read(
        ModelServer(persons), [Leg(1_000, 1_000, lambda: persons.sign_up(500)), Leg(9_000)], most=9
    )

    assert_exact(outcome, persons)


@pytest.mark.parametrize("share", [2, 5])
def test_a_run_over_ghosts_goes_on_from_a_token(share: int) -> None:
    persons = PersonSet.of(8_000, 1)
    for row in persons.rows[::share]:
        persons.hide(row)

    outcome = read(ModelServer(persons), [Leg(3_000, 1_500), Leg(3_000)], most=40)

    assert_exact(outcome, persons)


def test_a_server_that_denied_rows_is_not_believed_by_the_next_run() -> None:
    persons = PersonSet.of(1_300, 1)
    for row in persons.rows[375:1_090]:
        persons.hide(row)
    server = ModelServer(persons, cap=1_000, cap_is_null=True)

    assert_honest(read(server, [Leg(1_500, 375), Leg(1_500)]), persons)


def test_what_a_page_left_open_stays_open_when_it_is_broken_off() -> None:
    persons = PersonSet.of(600, 1)
    odd = persons.rows[395]
    persons.misdate(odd, persons.rows[150].key)
    outcome = read(ModelServer(persons), [Leg(200, 400), Leg(200, 30), Leg(200)])

    assert_honest(outcome, persons)


def test_a_row_among_those_of_an_unfinished_page_is_not_stepped_over() -> None:
    persons = PersonSet.of(600, 1)
    persons.misdate(persons.rows[338], 1)

    assert_exact(read(ModelServer(persons), [Leg(3_000, 565), Leg(10)]), persons)


@pytest.mark.parametrize("taken", [1, 20, 100, 130])
def test_a_listing_that_begins_elsewhere_goes_on_within_its_first_page(taken: int) -> None:
    persons = PersonSet.of(600, 1)

    outcome = read(ModelServer(persons), [Leg(100, taken), Leg(100)], offset=250, most=12)

    assert outcome.numbers == [row.number for row in persons.rows[250:]]
    assert outcome.is_complete


@pytest.mark.parametrize("taken", [1, 21, 60])
def test_no_row_is_lost_in_front_of_those_of_a_first_page_that_show_one_time(taken: int) -> None:
    persons = PersonSet.of(900, 1, tie=300)
    wanted = {row.number for row in persons.rows[320:]}
    leg = Leg(100, taken, lambda: persons.delete_range(10, 18))

    outcome = read(ModelServer(persons), [leg, Leg(100)], offset=320)

    assert not outcome.is_complete or set(outcome.numbers) >= wanted & persons.untouched


def test_an_import_in_front_of_all_rows_that_were_handed_out_is_stepped_over() -> None:
    persons = PersonSet.of(2_800, 1)

    outcome = read(
        ModelServer(persons), [Leg(99, 99, lambda: persons.sign_up(1_400)), Leg(1_000)], most=20
    )

    assert_exact(outcome, persons)


def test_an_import_in_front_of_a_listing_that_begins_elsewhere_is_stepped_over() -> None:
    persons = PersonSet.of(2_000, 1)
    wanted = {row.number for row in persons.rows[1_400:]}
    leg = Leg(5_000, 1, lambda: persons.sign_up(4_000))

    outcome = read(ModelServer(persons), [leg, Leg(5_000)], offset=1_400, most=12)

    assert outcome.is_complete
    assert set(outcome.numbers) == wanted


def test_a_cut_page_of_rows_that_all_are_known_hides_no_others() -> None:
    persons = PersonSet.of(5_000, 1)
    server = SkippingServer(persons, cap=120)

    outcome = read(server, [Leg(5_000, 349, lambda: persons.sign_up(230)), Leg(5_000)], most=900)

    assert_honest(outcome, persons)
