"""An export goes on after whatever happened, and from nothing but its own checkpoint."""

import asyncio
import gc
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest

from exports import FORMATS, beside, client, content, lines_of, records
from posthog_env_async import (
    BadRequestError,
    CheckpointError,
    PostHogEnv,
    RateLimitError,
    ServerError,
)
from posthog_env_async.export import Progress, export
from posthog_env_async.export.state.checkpoint import Checkpoint
from posthog_env_async.testing import FakePostHog, Fault

PERSONS = "/persons/"


# after a failure


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("page", [0, 1, 3, 4])
async def test_the_same_call_goes_on_and_ends_with_the_same_file(
    *, fake: FakePostHog, env: PostHogEnv, tmp_path: Path, suffix: str, page: int
) -> None:
    listing, path = env.persons.list(page_size=500, prefetch=1), tmp_path / f"p.{suffix}"
    unbroken = tmp_path / "unbroken" / path.name
    unbroken.parent.mkdir()
    await export(listing, unbroken)
    fake.faults.append(Fault(400, after=page, path=PERSONS))

    with pytest.raises(BadRequestError):
        await export(listing, path)
    report = await export(listing, path)

    assert report.complete
    assert report.rows == report.listing.items == 2_500
    assert content(path) == content(unbroken)
    assert beside(path) == {"", ".manifest.json", "unbroken"}


async def test_a_csv_with_a_very_long_cell_goes_on(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    fake.add_person(properties={"long": "x" * 200_000})
    fake.faults.append(Fault(400, after=3))
    with pytest.raises(BadRequestError):
        await export(env.persons.list(page_size=500), tmp_path / "p.csv")

    report = await export(env.persons.list(page_size=500), tmp_path / "p.csv")

    assert (report.rows, report.resumed) == (2_501, True)


async def test_what_was_read_before_a_failure_is_not_asked_for_again(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    listing = env.persons.list(page_size=250)
    fake.faults.append(Fault(400, after=8))
    with pytest.raises(BadRequestError) as caught:
        await export(listing, tmp_path / "p.ndjson")
    fake.requests.clear()

    report = await export(listing, tmp_path / "p.ndjson")

    assert len(fake.requests) <= 4
    assert report.resumed
    assert report.resumed_rows >= 1_900
    assert report.requests == report.listing.requests == 9 + len(fake.requests)
    assert caught.value.resume_token is not None


async def test_a_wait_above_the_maximum_surfaces_and_the_export_goes_on_later(
    fake: FakePostHog, tmp_path: Path
) -> None:
    async with client(fake) as env:
        fake.faults.append(Fault(429, headers={"Retry-After": "4000"}, after=2))

        with pytest.raises(RateLimitError) as caught:
            await export(env.persons.list(page_size=1_000), tmp_path / "p.ndjson")

    assert caught.value.retry_after == 4_000
    async with client(fake) as env:
        report = await export(env.persons.list(page_size=1_000), tmp_path / "p.ndjson")
        assert (report.rows, report.resumed_rows, report.complete) == (2_500, 1_992, True)


@pytest.mark.parametrize("suffix", FORMATS)
async def test_a_cancelled_export_keeps_what_it_read(
    env: PostHogEnv, tmp_path: Path, suffix: str
) -> None:
    path, rows = tmp_path / f"p.{suffix}", await lines_of(env)

    with anyio.CancelScope() as scope:
        await export(
            env.persons.list(page_size=400, prefetch=2),
            path,
            on_progress=lambda progress: scope.cancel() if progress.rows >= 1_500 else None,
        )
    kept = json.loads((tmp_path / f"p.{suffix}.checkpoint.json").read_text())
    report = await export(env.persons.list(page_size=400), path)

    assert scope.cancelled_caught
    assert kept["rows"] >= 1_500
    assert (report.rows, report.resumed_rows) == (len(rows), kept["rows"])


async def test_a_conversion_that_is_cancelled_leaves_no_half_of_a_file(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "p.parquet"

    with anyio.CancelScope() as scope:
        await export(
            env.persons.list(),
            path,
            on_progress=lambda progress: scope.cancel() if progress.phase == "converting" else None,
        )
    between = beside(path)
    fake.requests.clear()
    report = await export(env.persons.list(), path)

    assert between == {".part", ".checkpoint.json"}
    assert (report.rows, fake.requests) == (2_500, [])


async def test_a_csv_without_uuids_goes_on(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    listing, path = env.persons.list(page_size=500), tmp_path / "p.csv"
    expected = [person.name async for person in env.persons.list()]
    fake.faults.append(Fault(400, after=3))
    with pytest.raises(BadRequestError):
        await export(listing, path, columns=["name"])

    report = await export(listing, path, columns=["name"])

    assert (report.resumed, report.complete) == (True, True)
    assert [row["name"] for row in records(path)] == expected


@pytest.mark.parametrize("ticks", range(0, 48, 3))
async def test_a_task_cancelled_at_any_moment_leaves_a_file_to_go_on_with(
    env: PostHogEnv, tmp_path: Path, ticks: int
) -> None:
    listing, path = env.persons.list(page_size=100), tmp_path / "p.ndjson.gz"
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def cancel_in(ticks: int) -> None:
        if ticks:
            loop.call_soon(cancel_in, ticks - 1)
        else:
            task.cancel()

    task = asyncio.create_task(
        export(listing, path, checkpoint_every=0.0, on_progress=lambda _: begun.set())
    )
    await begun.wait()
    cancel_in(ticks)
    with pytest.raises(asyncio.CancelledError):
        await task
    report = await export(listing, path)

    assert report.resumed_rows > 0
    assert content(path).splitlines() == await lines_of(env)


async def test_a_task_cancelled_twice_leaves_nothing_that_still_writes(
    env: PostHogEnv, tmp_path: Path
) -> None:
    for turns in range(0, 400, 20):
        listing, path = env.persons.list(page_size=500), tmp_path / f"{turns}.ndjson"
        task = asyncio.ensure_future(export(listing, path))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        files = sorted(tmp_path.glob(f"{turns}.*"))

        # The path is free, and what is there now stays as it is.
        assert (await export(listing, path)).complete
        assert not [each for each in files if each.suffix == ".tmp"]


async def test_an_error_of_the_progress_callback_comes_out_and_nothing_is_lost(
    env: PostHogEnv, tmp_path: Path
) -> None:
    def fail(_: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await export(env.persons.list(page_size=500), tmp_path / "p.ndjson", on_progress=fail)
    report = await export(env.persons.list(page_size=500), tmp_path / "p.ndjson")

    assert report.resumed_rows == 500


async def test_a_step_that_fails_behind_an_error_of_the_callback_is_waited_for(
    env: PostHogEnv, tmp_path: Path
) -> None:
    messages = list[str]()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: messages.append(context["message"]))
    folder = tmp_path / "folder"
    folder.mkdir()

    def remove_folder_and_fail(_: Progress) -> None:
        shutil.rmtree(folder)
        raise ZeroDivisionError

    options: Any = {"checkpoint_every": 0.0, "on_progress": remove_folder_and_fail}
    with pytest.raises(ZeroDivisionError):
        await export(env.persons.list(page_size=500), folder / "p.ndjson", **options)
    # Those of the server, which runs on this loop too, may go on.
    while any("in_thread" in repr(task) for task in asyncio.all_tasks()):
        await anyio.lowlevel.checkpoint()
    gc.collect()

    assert messages == []


async def test_a_server_error_is_the_caller_s_to_see(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    fake.faults.append(Fault(500, times=5))

    with pytest.raises(ServerError):
        await export(env.persons.list(), tmp_path / "p.ndjson")


# checkpoints of something else


async def unfinished(env: PostHogEnv, fake: FakePostHog, path: Path, **filters: Any) -> None:
    fake.faults.append(Fault(400, after=3))
    with pytest.raises(BadRequestError):
        await export(env.persons.list(page_size=500, **filters), path)


async def test_a_checkpoint_of_another_query_is_refused(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson", search="example")

    with pytest.raises(CheckpointError, match="another query"):
        await export(env.persons.list(), tmp_path / "p.ndjson")


async def test_a_checkpoint_of_another_project_is_refused(tmp_path: Path) -> None:
    async with FakePostHog({1: 2_000, 2: 10}, mode="routes") as fake, client(fake) as env:
        await unfinished(env, fake, tmp_path / "p.ndjson")

        with pytest.raises(CheckpointError, match="another project"):
            await export(env.for_project(2).persons.list(), tmp_path / "p.ndjson")


async def test_a_checkpoint_of_another_host_is_refused(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson")

    async with FakePostHog(10, mode="routes") as elsewhere, client(elsewhere) as other:
        with pytest.raises(CheckpointError, match="another host"):
            await export(other.persons.list(), tmp_path / "p.ndjson")


async def test_a_checkpoint_with_another_choice_is_refused(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.csv")

    with pytest.raises(CheckpointError, match="another columns"):
        await export(env.persons.list(), tmp_path / "p.csv", columns=["uuid"])
    with pytest.raises(CheckpointError, match="another max_items"):
        await export(env.persons.list(max_items=5), tmp_path / "p.csv")
    with pytest.raises(CheckpointError, match="another format"):
        await export(env.persons.list(), tmp_path / "p.csv", format="ndjson")
    with pytest.raises(CheckpointError, match="another compression"):
        await export(env.persons.list(), tmp_path / "p.csv", compression="gzip")


def change(text: str, **fields: Any) -> str:
    return json.dumps(json.loads(text) | fields)


def reseal(path: Path, **fields: Any) -> None:
    """Write other fields with a checksum that is right, as another program of ours might."""
    found = Checkpoint.load(path)
    assert found is not None
    attrs.evolve(found, **fields).save(path)


SPOILT: dict[str, tuple[str, Callable[[str], str]]] = {
    "older": ("another version", lambda text: change(text, version=1)),
    "newer": ("another version", lambda text: change(text, version=99)),
    "text version": ("damaged", lambda text: change(text, version="2")),
    "kind": ("not a checkpoint", lambda text: change(text, kind="manifest")),
    "rows": ("was changed", lambda text: change(text, rows=500)),
    "token": ("was changed", lambda text: change(text, token=None)),
    "listing": ("was changed", lambda text: change(text, listing=[])),
    "checksum": ("was changed", lambda text: change(text, checksum=None)),
    "cut": ("damaged", lambda text: text[:-20]),
    "empty": ("damaged", lambda _: ""),
    "list": ("damaged", lambda _: "[]"),
    "not UTF-8": ("damaged", lambda _: "\udcff"),
    "very deep": ("damaged", lambda _: "[" * 100_000),
    "deep": ("damaged", lambda _: '{"version": 2, "kind": ' + "[" * 900 + "]" * 900 + "}"),
}


@pytest.mark.parametrize("how", SPOILT)
async def test_a_checkpoint_that_is_damaged_or_changed_is_refused(
    *, env: PostHogEnv, fake: FakePostHog, tmp_path: Path, how: str
) -> None:
    problem, spoil = SPOILT[how]
    await unfinished(env, fake, tmp_path / "p.ndjson")
    checkpoint = tmp_path / "p.ndjson.checkpoint.json"
    text = spoil(checkpoint.read_text())
    checkpoint.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(CheckpointError, match=f"{problem}.*resume=False"):
        await export(env.persons.list(), tmp_path / "p.ndjson")


@pytest.mark.parametrize(
    "fields", [{"token": None}, {"rows": -1}, {"bytes": -1}, {"rows": "many"}, {"listing": None}]
)
async def test_a_checkpoint_that_cannot_be_true_is_refused_whatever_its_checksum(
    *, env: PostHogEnv, fake: FakePostHog, tmp_path: Path, fields: dict[str, Any]
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson")
    reseal(tmp_path / "p.ndjson.checkpoint.json", **fields)

    with pytest.raises(CheckpointError, match=r"damaged.*resume=False"):
        await export(env.persons.list(), tmp_path / "p.ndjson")


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"other")])
async def test_a_file_that_changed_before_it_got_its_name_does_not_get_it(
    *, env: PostHogEnv, fake: FakePostHog, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson")
    reseal(tmp_path / "p.ndjson.checkpoint.json", phase="done")
    spoil(tmp_path / "p.ndjson.part")

    with pytest.raises(CheckpointError, match=r"the finished .* is missing or was changed"):
        await export(env.persons.list(page_size=500), tmp_path / "p.ndjson")

    assert not (tmp_path / "p.ndjson").exists()
    assert not (tmp_path / "p.ndjson.manifest.json").exists()


async def test_starting_over_drops_what_was_there(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson", search="example")

    report = await export(env.persons.list(), tmp_path / "p.ndjson", resume=False)

    assert (report.rows, report.resumed) == (2_500, False)


async def test_a_part_that_was_changed_is_refused(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson")
    part = tmp_path / "p.ndjson.part"
    part.write_bytes(b"x" + part.read_bytes()[1:])

    with pytest.raises(CheckpointError, match="is not what its checkpoint describes"):
        await export(env.persons.list(), tmp_path / "p.ndjson")


async def test_a_missing_part_is_an_error(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson")
    (tmp_path / "p.ndjson.part").unlink()

    with pytest.raises(CheckpointError, match="missing or is not what"):
        await export(env.persons.list(), tmp_path / "p.ndjson")


async def test_a_part_that_is_somebody_else_s_is_left_alone(
    env: PostHogEnv, tmp_path: Path
) -> None:
    (tmp_path / "p.ndjson.part").write_bytes(b"a download")

    with pytest.raises(CheckpointError, match="has no checkpoint"):
        await export(env.persons.list(), tmp_path / "p.ndjson")

    assert (tmp_path / "p.ndjson.part").read_bytes() == b"a download"
