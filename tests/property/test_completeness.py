"""Whatever a server and a set do: untouched rows come exactly once, or the verdict says so."""

import os
from collections.abc import Callable
from random import Random
from typing import Any

import anyio
import attrs
import pytest

from model_runs import ModelSession, Outcome, listing_of, read_in_parts
from model_server import ModelServer, PersonSet
from posthog_env_async import ListingReport

IS_DEEP = bool(os.environ.get("POSTHOG_ENV_CHECK"))
SEEDS = int(os.environ.get("POSTHOG_ENV_SEEDS", "400" if IS_DEEP else "6"))
HALVINGS = 10
FIRST = int(os.environ.get("POSTHOG_ENV_FIRST_SEED", "0"))


@attrs.define(eq=False)
class Case:
    """A server over a set, what happens to it, and how it is read."""

    seed: int
    random: Random
    server: ModelServer
    options: dict[str, Any]
    taken: list[int] = attrs.field(factory=list[int])
    events: dict[int, list[Callable[[], None]]] = attrs.field(
        factory=dict[int, list[Callable[[], None]]]
    )
    every: list[Callable[[], None]] = attrs.field(factory=list[Callable[[], None]])

    @property
    def persons(self) -> PersonSet:
        return self.server.persons

    @property
    def page(self) -> int:
        size = self.options["page_size"]
        return 1_000 if size == "auto" else size

    pages: int = 1
    """How many requests a quiet listing takes, about."""

    def at_random(self, do: Callable[[], None]) -> None:
        """Let something happen after some request."""
        self.events.setdefault(self.random.randint(1, self.pages), []).append(do)

    def change(self, request: int) -> None:
        for do in self.events.get(request, ()):
            do()
        if request <= 3 * self.pages + 20:
            for do in self.every:
                do()

    def row(self, low: float = 0.0, high: float = 1.0) -> Any:
        rows = self.persons.rows
        place = int(len(rows) * self.random.uniform(low, high))
        return rows[min(place, len(rows) - 1)]


def quiet(_: Case) -> None:
    """Nothing happens."""


def sign_ups(case: Case) -> None:
    most = case.random.choice((1, 3, 20, 2 * case.page))
    case.every.append(lambda: case.persons.sign_up(case.random.randint(0, most)))


def deletions(case: Case) -> None:
    most = case.random.choice((1, 3, 20))

    def delete() -> None:
        for _ in range(case.random.randint(0, most)):
            if case.persons.rows:
                case.persons.delete(case.row())

    case.every.append(delete)


def mass_deletion(case: Case) -> None:
    share = case.random.choice((0.1, 0.5, 0.95, 1.0))
    count, place = int(len(case.persons.rows) * share), case.random.uniform(0, 1 - share)

    def delete() -> None:
        case.persons.delete_range(int(place * len(case.persons.rows)), count)

    case.at_random(delete)


def bulk_import(case: Case) -> None:
    count = case.random.randint(1, 2 * len(case.persons.rows) + 1)
    case.at_random(lambda: case.persons.sign_up(count))


def old_import(case: Case) -> None:
    count, place = case.random.randint(1, 3 * case.page), case.random.random()
    case.at_random(lambda: case.persons.import_at(int(place * len(case.persons.rows)), count))


def merges(case: Case) -> None:
    def merge() -> None:
        for _ in range(case.random.choice((1, 5, 60))):
            if len(case.persons.rows) > 2:
                kept, gone = case.row(), case.row()
                if kept is not gone:
                    case.persons.merge(kept, gone)

    for _ in range(case.random.randint(1, 4)):
        case.at_random(merge)


def returns(case: Case) -> None:
    def come_back() -> None:
        for _ in range(case.random.choice((1, 3, 30))):
            if case.persons.rows:
                case.persons.come_back(case.row(0, 0.7))

    for _ in range(case.random.randint(1, 4)):
        case.at_random(come_back)


def ghosts(case: Case) -> None:
    share = case.random.choice((0.02, 0.1, 0.3, 0.7))
    for row in case.persons.rows:
        if case.random.random() < share:
            case.persons.hide(row)


def ghost_runs(case: Case) -> None:
    for _ in range(case.random.randint(1, 3)):
        start = case.random.randrange(len(case.persons.rows) + 1)
        for row in case.persons.rows[start : start + case.random.randint(1, 3 * case.page)]:
            case.persons.hide(row)


def ghosts_go(case: Case) -> None:
    ghost_runs(case)
    case.at_random(lambda: _drop_ghosts(case.persons))


def _drop_ghosts(persons: PersonSet) -> None:
    persons.rows = [row for row in persons.rows if not row.ghost]


def ghosts_come(case: Case) -> None:
    def hide() -> None:
        for _ in range(case.random.randint(1, 40)):
            if case.persons.rows:
                case.persons.hide(case.row())

    case.at_random(hide)


def flapping(case: Case) -> None:
    rows = [row for row in case.persons.rows if case.random.random() < 0.1]
    case.server.flapping = frozenset(row.number for row in rows)
    for row in rows:
        case.persons.touch(row)


def misdated(case: Case) -> None:
    far = case.random.choice((5, 100, 10_000))
    for row in case.persons.rows:
        if case.random.random() < 0.02:
            case.persons.misdate(row, max(0, row.key + case.random.randint(-far, far)))


def ties(case: Case) -> None:
    tie = case.random.choice((2, 7, 40, 400))
    for row in case.persons.rows:
        row.key = row.shown = row.key // tie * tie
    case.persons.sort()


def lagging(case: Case) -> None:
    case.server.lag = case.random.choice((0.1, 0.5))


def named_cap(case: Case) -> None:
    case.server.cap = case.random.choice((1, 7, 50, 100, 250, 1_000))


def null_cap(case: Case) -> None:
    case.server.cap, case.server.cap_is_null = case.random.choice((100, 150, 500, 1_000)), True


def moving_cap(case: Case) -> None:
    case.server.cap, case.server.cap_is_null = 10_000, case.random.random() < 0.5
    for _ in range(case.random.randint(1, 4)):
        cap = case.random.choice((100, 150, 500, 10_000))
        case.at_random(lambda cap=cap: setattr(case.server, "cap", cap))


def false_ends(case: Case) -> None:
    # Behind a page of fewer rows than any cap worth fearing, nobody can tell.
    case.server.cap = max(case.server.cap, 100)
    requests = [case.random.randint(1, case.pages) for _ in range(case.random.randint(1, 3))]
    case.server.false_ends = frozenset(requests)


def other_ends(case: Case) -> None:
    case.server.more = case.random.choice(("has_next", "hasMore", "count"))


def counted(case: Case) -> None:
    case.server.counts = True


def too_large(case: Case) -> None:
    case.options["page_size"], case.server.largest = "auto", case.random.choice((100, 130, 400))


def in_parts(case: Case) -> None:
    size = len(case.persons.rows)
    case.taken += [
        case.random.choice((0, 1, case.page, case.random.randint(0, size))) for _ in range(3)
    ]


KINDS = (
    quiet,
    sign_ups,
    deletions,
    mass_deletion,
    bulk_import,
    old_import,
    merges,
    returns,
    ghosts,
    ghost_runs,
    ghosts_go,
    ghosts_come,
    flapping,
    misdated,
    ties,
    lagging,
    named_cap,
    null_cap,
    moving_cap,
    false_ends,
    other_ends,
    counted,
    too_large,
    in_parts,
)


def case_of(seed: int, kind: Callable[[Case], None]) -> Case:
    random = Random(f"{seed} {kind.__name__}")
    page_size = random.choice((1, 2, 3, 7, 20, 50, 99, 100, 100, 150, 250, 500, 1_000, "auto"))
    pages = random.choice((0, 1, 2, 5, 12, 30))
    rows = min(
        6_000, int((1_000 if page_size == "auto" else page_size) * pages * random.uniform(0.9, 1.1))
    )
    options = {"page_size": page_size, "prefetch": random.choice((0, 0, 0, 1, 4, 8, 16))}
    case = Case(seed, random, ModelServer(PersonSet.of(rows, seed)), options)
    case.server.change = case.change
    case.pages = rows // case.page + 1
    kinds = {kind, *random.sample(KINDS, random.choice((0, 0, 1, 2)))}
    for other in sorted(kinds, key=KINDS.index):
        other(case)
    return case


MOST = 20_000
"""Requests after which the model server stops a run: far more than any may take."""


def most_requests(case: Case, report: ListingReport) -> int:
    """Return how many requests a run may send that accepted so many pages (docs/design.md).

    Besides them some are sent for windows that are read ahead, or that are too large.
    """
    ahead = case.options["prefetch"] * (2 + report.seams_repaired)
    return 44 + 12 * report.pages + ahead + HALVINGS


async def read(case: Case) -> Outcome:
    session = ModelSession(case.server, MOST, case.random)
    return await read_in_parts(listing_of(session, **case.options), case.taken, case.server)


def fault(case: Case, outcome: Outcome) -> str:
    for report in outcome.reports:
        if report.requests > most_requests(case, report):
            return f"{report.requests} requests for {report.pages} pages"
    untouched = case.persons.untouched
    doubled, missing = outcome.doubled() & untouched, untouched - set(outcome.numbers)
    if doubled and (outcome.is_complete or not case.taken):
        return f"{len(doubled)} untouched rows doubled, complete {outcome.is_complete}"
    if missing and outcome.is_complete and not case.server.is_unknowable:
        return f"{len(missing)} of {len(untouched)} untouched rows missing, complete"
    if outcome.doubled() and not case.taken:
        return f"{len(outcome.doubled())} moved rows doubled"
    return ""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_untouched_rows_come_exactly_once_or_the_verdict_says_otherwise(kind: Any) -> None:
    faults = []
    for seed in range(FIRST, FIRST + SEEDS):
        case = case_of(seed, kind)
        try:
            found = fault(case, anyio.run(read, case))
        except Exception as error:  # noqa: BLE001 - foreign errors are what is looked for
            found = f"{type(error).__name__}: {error}"
        if found:
            faults.append(f"seed {seed}: {found}")

    assert not faults, "\n".join([f"{len(faults)} of {SEEDS}", *faults[:20]])
