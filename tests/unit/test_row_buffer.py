"""When collected rows become a chunk that is written."""

from posthog_env_async.export.state.buffer import Chunk, Position, RowBuffer
from posthog_env_async.pagination import ListingReport

HERE = Position("token", ListingReport())


def test_a_chunk_ends_with_a_position() -> None:
    buffer = RowBuffer(sample_size=0, checkpoint_every=60.0)

    assert buffer.wants_position
    buffer.add([b"a", b"b"], HERE)

    assert buffer.take() == [Chunk([b"a", b"b"], HERE)]
    assert buffer.rows == 2
    assert not buffer.wants_position


def test_a_chunk_ends_at_its_size() -> None:
    buffer = RowBuffer(sample_size=0, checkpoint_every=60.0, chunk_bytes=4)

    buffer.add([b"ab"])
    assert buffer.ready == []
    buffer.add([b"cd"])

    assert buffer.take() == [Chunk([b"ab", b"cd"], None)]


def test_the_first_chunk_waits_for_a_sample() -> None:
    buffer = RowBuffer(sample_size=3, checkpoint_every=0.0)

    buffer.add([b"a", b"b"], HERE)
    assert buffer.take() == []
    buffer.add([b"c"], HERE)
    assert buffer.take() == [Chunk([b"a", b"b", b"c"], HERE)]
    buffer.add([b"d"], HERE)
    assert buffer.take() == [Chunk([b"d"], HERE)]


def test_the_last_chunk_ends_whatever_its_sample() -> None:
    buffer = RowBuffer(sample_size=3, checkpoint_every=0.0)

    buffer.add([b"a"], HERE)

    assert buffer.take(is_last=True) == [Chunk([b"a"], HERE)]


def test_a_buffer_that_goes_on_knows_its_columns() -> None:
    buffer = RowBuffer(sample_size=3, checkpoint_every=0.0)

    buffer.resume(100)
    buffer.add([b"a"], HERE)

    assert buffer.rows == 101
    assert len(buffer.take()) == 1
