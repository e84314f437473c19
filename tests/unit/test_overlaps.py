"""Which segments share rows: decided by uuid and time, row by row."""

from posthog_env_async.export.partitions.overlaps import OverlapGraph, Owner, RowIndex, Segment

TIME = b"2026-03-02T09:15:44.120000Z"


def row(number: int, created: bytes = TIME) -> bytes:
    return b'{"uuid":"018f3c1e-7a55-7c2b-9a11-%012d","created_at":"%b"}' % (number, created)


def test_a_row_without_a_uuid_is_told_apart_by_what_it_has() -> None:
    with RowIndex() as index:
        assert index.add(b'{"id":7}', 0) is None
        assert index.add(b'{"id":8}', 1) is None
        assert index.add(b'{"id":7}', 1) == Owner(0, is_unmoved=True)


def test_rows_that_show_another_time_are_doubled_and_join_nothing() -> None:
    with RowIndex() as index:
        unmoved, moved = OverlapGraph(index, ranges=2), b"2026-03-02T09:15:45.120000Z"
        unmoved.add(Segment(ended=False, rows=[row(number) for number in range(10)]))
        unmoved.add(Segment(ended=True, rows=[row(number, moved) for number in range(10)]))

        assert unmoved.segments[1].doubled == set(range(10))
        assert unmoved.with_first() == [0]
        assert not unmoved.is_whole


def test_an_end_behind_which_only_known_rows_were_found_is_one() -> None:
    with RowIndex() as index:
        graph = OverlapGraph(index, ranges=2)
        graph.add(Segment(ended=True, rows=[row(number) for number in range(10)]))
        graph.add(Segment(ended=False, rows=[row(number) for number in range(2)]))
        assert graph.with_first() == [0]
        assert graph.is_whole


def test_an_end_in_front_of_rows_that_only_a_later_range_has_is_none() -> None:
    with RowIndex() as index:
        graph = OverlapGraph(index, ranges=3)
        graph.add(Segment(ended=True, rows=[row(number) for number in range(10)]))
        graph.add(Segment(ended=False, rows=[row(number) for number in range(20, 30)]))
        graph.add(Segment(ended=True, rows=[row(number) for number in range(20, 40)]))
        assert graph.with_first() == [0]
        assert not graph.is_whole

        graph.join(0, graph.add(Segment(ended=True, rows=[row(number) for number in range(5, 12)])))
        assert graph.is_whole
