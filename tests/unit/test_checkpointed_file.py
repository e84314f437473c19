"""The file of an export in a thread: also when its task is gone before the thread begins."""

from pathlib import Path

from posthog_env_async import PostHogEnv
from posthog_env_async.export.files.lock import FileLock
from posthog_env_async.export.options import FileOptions
from posthog_env_async.export.sources import ListingRows
from posthog_env_async.export.state.buffer import RowBuffer
from posthog_env_async.export.state.checkpoint import Checkpoint
from posthog_env_async.export.state.checkpointed_file import CheckpointedFile


def new_file(path: Path) -> CheckpointedFile:
    source = ListingRows.of(PostHogEnv(1, api_key="phx_x").persons.list(), "raise")
    options = FileOptions()
    target = options.target(path)
    wanted = Checkpoint(
        subject=source.subject,
        format=target.format,
        compression=target.compression,
        options={},
        may_overwrite=False,
    )
    writer = options.writer(source, target)
    return CheckpointedFile(
        target, wanted, FileLock(target.lock), writer, RowBuffer(False, 0.5, 1 << 20)
    )


def test_a_file_that_was_closed_before_is_not_opened_any_more(tmp_path: Path) -> None:
    file = new_file(tmp_path / "p.ndjson")

    file.close()
    file.open(resume=True)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_opened_and_closed_leaves_nothing_of_itself(tmp_path: Path) -> None:
    file = new_file(tmp_path / "p.ndjson")

    file.open(resume=True)
    between = {found.name for found in tmp_path.iterdir()}
    file.close()

    assert between == {"p.ndjson.part", "p.ndjson.checkpoint.json", "p.ndjson.lock"}
    assert list(tmp_path.iterdir()) == []
