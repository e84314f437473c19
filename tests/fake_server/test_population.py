"""Who lives where: the fake's index of persons against a plain list (docs/server.md, Paging)."""

from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_env_async.testing import FakePostHog


@given(
    total=st.integers(0, 60),
    tie=st.integers(1, 7),
    moves=st.lists(st.tuples(st.booleans(), st.integers(0, 80), st.integers(0, 4)), max_size=12),
)
def test_changes_keep_every_other_person_in_its_order(
    total: int, tie: int, moves: list[tuple[bool, int, int]]
) -> None:
    fake = FakePostHog(total, tie=tie)
    model = fake.uuids()

    for inserting, place, count in moves:
        if inserting:
            new = set(fake.insert(count, at=place))
            now = fake.uuids()
            assert [uuid for uuid in now if uuid not in new] == model
            assert new <= set(now)
        else:
            gone = fake.delete(min(count, len(model)))
            now = [uuid for uuid in model if uuid not in set(gone)]
            assert fake.uuids() == now
        model = now

    assert len(model) == len(set(model))


@given(
    total=st.integers(0, 40),
    tie=st.integers(1, 5),
    seed=st.integers(0, 5),
    moves=st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=20),
)
def test_who_existed_throughout_is_who_was_there_at_the_mark_and_never_left(
    total: int, tie: int, seed: int, moves: list[tuple[bool, int]]
) -> None:
    fake = FakePostHog(total, tie=tie, seed=seed)
    fake.insert(3)
    fake.mark()
    stayed = fake.uuids()

    for inserting, place in moves:
        if inserting:
            fake.insert(at=place)
        else:
            gone = fake.delete(1)
            stayed = [uuid for uuid in stayed if uuid not in gone]

    assert fake.existed_throughout() == stayed


def test_new_persons_come_at_the_front() -> None:
    fake = FakePostHog(10)
    before = fake.uuids()

    new = fake.insert(3)

    assert fake.uuids() == [*reversed(new), *before]


def test_a_person_can_be_inserted_in_the_middle() -> None:
    fake = FakePostHog(10)

    (new,) = fake.insert(at=4)

    assert fake.uuids()[4] == new


def test_persons_are_deleted_by_index_by_uuid_and_by_its_text() -> None:
    fake = FakePostHog(10)
    all_of_them = fake.uuids()

    gone = fake.delete([0, all_of_them[5], str(all_of_them[7])])

    assert gone == [all_of_them[0], all_of_them[5], all_of_them[7]]
    assert fake.uuids() == [uuid for uuid in all_of_them if uuid not in gone]


def test_deleting_a_person_twice_is_an_error() -> None:
    fake = FakePostHog(10)
    gone = fake.delete([3])

    with pytest.raises(KeyError):
        fake.delete(gone)
    with pytest.raises(KeyError):
        fake.delete([5, 5])


def test_an_unknown_uuid_is_nobody() -> None:
    fake = FakePostHog(10, tie=3)

    with pytest.raises(KeyError):
        fake.delete([UUID(int=4711)])


@pytest.mark.parametrize("tie", [1, 3, 50])
def test_every_uuid_leads_back_to_its_person(tie: int) -> None:
    fake = FakePostHog(40, tie=tie)
    fake.insert(10, at=20)
    uuids = fake.uuids()
    Random(1).shuffle(uuids)

    gone = fake.delete(uuids)

    assert gone == uuids
    assert fake.uuids() == []


def test_an_unfinished_tie_group_knows_who_is_not_in_it() -> None:
    larger, smaller = FakePostHog(9, tie=4), FakePostHog(8, tie=4)

    with pytest.raises(KeyError):
        smaller.delete(larger.uuids()[-1:])


def test_thousands_of_tie_groups_keep_their_order() -> None:
    fake = FakePostHog(3_000, tie=2)

    assert fake.uuids() == fake.uuids()


def test_an_orphan_keeps_its_place_but_is_nobody() -> None:
    fake = FakePostHog(10)
    before = fake.uuids()

    gone = fake.delete([2], orphan=True)

    assert fake.uuids() == [uuid for uuid in before if uuid not in gone]
    assert fake.existed_throughout() == fake.uuids()


def test_orphans_can_be_a_run_of_rows() -> None:
    everybody = FakePostHog(10).uuids()

    fake = FakePostHog(10, orphans=range(3, 8))

    assert fake.uuids() == [*everybody[:3], *everybody[8:]]


def test_the_same_seed_makes_the_same_persons_and_another_seed_others() -> None:
    first = FakePostHog(50, seed=1).uuids()

    assert FakePostHog(50, seed=1).uuids() == first
    assert not {*FakePostHog(50, seed=2).uuids()} & {*first}


def test_projects_have_persons_of_their_own() -> None:
    fake = FakePostHog({1: 5, 2: 7})
    fake.add_project(9, persons=3)

    assert [len(fake.uuids(project)) for project in (1, 2, 9)] == [5, 7, 3]
    assert not {*fake.uuids(1)} & {*fake.uuids(2)}


def test_a_random_deletion_takes_no_more_than_there_are() -> None:
    fake = FakePostHog(3)

    fake.delete(10)

    assert fake.uuids() == []
