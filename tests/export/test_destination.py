"""What an export may replace, and how private its files are."""

import errno
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from exports import FORMATS, beside, files
from posthog_env_async import (
    BadRequestError,
    ExportError,
    FileLockedError,
    PostHogEnv,
)
from posthog_env_async.export import ExportJob, export, export_many, verify
from posthog_env_async.export.files.lock import FileLock
from posthog_env_async.testing import FakePostHog, Fault

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of POSIX")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# modes


@pytest.mark.parametrize("suffix", FORMATS)
async def test_new_files_can_be_read_by_their_owner_alone(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path, suffix: str
) -> None:
    modes: set[int] = set()
    before = os.umask(0o022)
    try:
        fake.faults.append(Fault(400, after=3))
        with pytest.raises(BadRequestError):
            await export(
                env.persons.list(page_size=500),
                tmp_path / f"p.{suffix}",
                checkpoint_every=0.0,
                on_progress=lambda _: modes.update(map(mode_of, files(tmp_path))),
            )
        between = beside(tmp_path / f"p.{suffix}")
        modes.update(map(mode_of, files(tmp_path)))
        await export(env.persons.list(page_size=500), tmp_path / f"p.{suffix}")
    finally:
        os.umask(before)

    assert between == {".part", ".checkpoint.json"}
    assert modes | set(map(mode_of, files(tmp_path))) == {0o600}


async def test_a_file_that_is_replaced_keeps_its_mode(env: PostHogEnv, tmp_path: Path) -> None:
    report = await export(env.persons.list(max_items=5), tmp_path / "p.ndjson")
    report.path.chmod(0o640)
    report.manifest.chmod(0o644)

    await export(env.persons.list(max_items=6), tmp_path / "p.ndjson")

    assert (mode_of(report.path), mode_of(report.manifest)) == (0o640, 0o644)


async def test_the_memory_of_a_batch_can_be_read_by_its_owner_alone(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    fake.faults.append(Fault(400))
    jobs = [ExportJob(env.persons.list(), tmp_path / name) for name in ("p.csv", "q.csv")]

    await export_many(jobs, concurrency=1)

    [batch] = tmp_path.glob("batch-*")
    assert mode_of(batch) == 0o600


# what is replaced


async def test_a_file_that_no_export_wrote_is_not_replaced(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.csv"
    notes.write_text("mine\n")

    with pytest.raises(ExportError, match=r"not written by an export.*overwrite=True"):
        await export(env.persons.list(), notes)
    kept, sent = notes.read_text(), list(fake.requests)
    report = await export(env.persons.list(), notes, overwrite=True)
    again = await export(env.persons.list(), notes)

    assert (kept, sent) == ("mine\n", [])
    assert report.rows == again.rows == 2_500
    assert beside(notes) == {"", ".manifest.json"}


@pytest.mark.parametrize(
    "manifest",
    [
        '{"files": [{"name": "notes.csv"}]}',
        '{"tool": "posthog_env_async 0.1.0", "files": [{"name": "other.csv"}]}',
        '{"tool": "posthog_env_async 0.1.0", "files": 7}',
        "{",
    ],
)
async def test_a_manifest_that_is_not_that_file_s_allows_nothing(
    env: PostHogEnv, tmp_path: Path, manifest: str
) -> None:
    (tmp_path / "notes.csv").write_text("mine\n")
    (tmp_path / "notes.csv.manifest.json").write_text(manifest)

    with pytest.raises(ExportError, match="not written by an export"):
        await export(env.persons.list(), tmp_path / "notes.csv")


async def test_a_file_that_an_older_version_exported_is_replaced(
    env: PostHogEnv, tmp_path: Path
) -> None:
    (tmp_path / "p.csv").write_text("old\n")
    (tmp_path / "p.csv.manifest.json").write_text(
        '{"version": 1, "tool": "posthog_env_async 0.1.0", "files": [{"name": "p.csv"}]}'
    )

    assert (await export(env.persons.list(), tmp_path / "p.csv")).rows == 2_500


async def test_a_file_that_comes_while_an_export_is_unfinished_is_not_replaced(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    fake.faults.append(Fault(400, after=2))
    with pytest.raises(BadRequestError):
        await export(env.persons.list(page_size=500), tmp_path / "p.csv")
    (tmp_path / "p.csv").write_text("mine\n")

    with pytest.raises(ExportError, match="not written by an export"):
        await export(env.persons.list(page_size=500), tmp_path / "p.csv")

    assert (tmp_path / "p.csv").read_text() == "mine\n"


# what is not a file


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("suffix", ["", ".part", ".lock", ".part.parquet"])
async def test_pipes_and_sockets_are_refused(
    *, env: PostHogEnv, fake: FakePostHog, tmp_path: Path, suffix: str, overwrite: bool
) -> None:
    path = tmp_path / "p.ndjson"
    place = tmp_path / f"p.ndjson{suffix}"
    os.mkfifo(place)
    if suffix == ".part.parquet":
        report = await export(env.persons.list(), path, overwrite=overwrite)
        assert report.rows == 2_500  # not a name of this format
        return

    with anyio.fail_after(5), pytest.raises(ExportError, match=r"pipe|not a regular file"):
        await export(env.persons.list(), path, overwrite=overwrite)

    assert stat.S_ISFIFO(place.lstat().st_mode)
    assert fake.requests == []


@pytest.mark.parametrize("overwrite", [False, True])
async def test_sockets_and_devices_are_refused(
    env: PostHogEnv, tmp_path: Path, *, overwrite: bool
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(tmp_path)  # the name of a socket may not be long
        try:
            listener.bind("p.ndjson")
        finally:
            os.chdir(here)

        with pytest.raises(ExportError, match="a device, a pipe or a socket"):
            await export(env.persons.list(), tmp_path / "p.ndjson", overwrite=overwrite)
    with pytest.raises(ExportError, match="a device, a pipe or a socket"):
        await export(env.persons.list(), "/dev/null", format="ndjson", overwrite=overwrite)

    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("suffix", [".part", ".lock"])
async def test_a_symbolic_link_is_not_followed(
    env: PostHogEnv, tmp_path: Path, suffix: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f"p.ndjson{suffix}").symlink_to(victim)

    with pytest.raises(ExportError, match="is a symbolic link, which is not followed"):
        await export(env.persons.list(), tmp_path / "p.ndjson")

    assert victim.read_text() == "precious"
    assert (tmp_path / f"p.ndjson{suffix}").is_symlink()


async def test_starting_over_removes_a_symbolic_link_and_not_what_it_names(
    env: PostHogEnv, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "p.ndjson.part").symlink_to(victim)

    await export(env.persons.list(), tmp_path / "p.ndjson", resume=False)

    assert victim.read_text() == "precious"


@pytest.mark.parametrize("suffix", [".checkpoint.json.tmp", ".manifest.json.tmp", ".part.parquet"])
async def test_a_symbolic_link_at_a_temporary_name_is_removed_and_not_followed(
    env: PostHogEnv, tmp_path: Path, suffix: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f"p.parquet{suffix}").symlink_to(victim)

    await export(env.persons.list(), tmp_path / "p.parquet")

    assert victim.read_text() == "precious"
    assert not any(found.is_symlink() for found in files(tmp_path))


async def test_a_symbolic_link_at_the_path_is_replaced_only_knowingly(
    env: PostHogEnv, tmp_path: Path
) -> None:
    victim, path = tmp_path / "victim", tmp_path / "p.ndjson"
    victim.write_text("precious")
    path.symlink_to(victim)

    with pytest.raises(ExportError, match="is a symbolic link"):
        await export(env.persons.list(), path)
    await export(env.persons.list(), path, overwrite=True)

    assert victim.read_text() == "precious"
    assert not path.is_symlink()
    assert (await verify(path)).ok


# file systems that have no sync and no locks

ODD_FILE_SYSTEM = """
import asyncio, errno, fcntl, os, stat, sys
from posthog_env_async import PostHogEnv
from posthog_env_async.export import export

call, number, lock = sys.argv[2], int(sys.argv[3]), sys.argv[4] == "lock"
fsync = os.fsync

def refuse(descriptor, *_):
    if call != "fsync folder" or stat.S_ISDIR(os.fstat(descriptor).st_mode):
        raise OSError(number, os.strerror(number))
    return fsync(descriptor)

if call == "flock":
    fcntl.flock = refuse
else:
    os.fsync = refuse

async def main():
    async with PostHogEnv(1) as env:
        report = await export(
            env.persons.list(page_size=200), sys.argv[1], checkpoint_every=0.0, lock=lock
        )
        print("rows", report.rows)

asyncio.run(main())
"""


async def odd_export(
    fake: FakePostHog, path: Path, call: str, number: int, lock: str = "lock"
) -> bytes:
    environment = {"POSTHOG_HOST": fake.url, "POSTHOG_PERSONAL_API_KEY": fake.key}
    done = await anyio.run_process(
        [sys.executable, "-c", ODD_FILE_SYSTEM, str(path), call, str(number), lock],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        check=False,
        stderr=subprocess.STDOUT,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("fsync folder", errno.EINVAL),
        ("fsync folder", errno.EACCES),
        ("fsync folder", errno.EBADF),
        ("fsync folder", errno.ENOTSUP),
        ("fsync", errno.EINVAL),
        ("fsync", errno.ENOTSUP),
        ("flock", errno.ENOLCK),
        ("flock", errno.ENOSYS),
        ("flock", errno.ENOTSUP),
    ],
)
async def test_a_file_system_without_sync_or_locks_is_used_with_one_warning(
    fake: FakePostHog, tmp_path: Path, call: str, number: int
) -> None:
    output = await odd_export(fake, tmp_path / "p.ndjson", call, number)

    assert b"rows 2500" in output
    assert output.count(b": ExportWarning: ") == 1
    assert (await verify(tmp_path / "p.ndjson")).ok


@pytest.mark.parametrize("call", ["fsync", "fsync folder", "flock"])
async def test_a_disk_that_fails_is_not_taken_for_one_that_cannot(
    fake: FakePostHog, tmp_path: Path, call: str
) -> None:
    output = await odd_export(fake, tmp_path / "p.ndjson", call, errno.EIO)

    assert b"ExportError: cannot write" in output


async def test_without_a_lock_nothing_is_locked_and_nothing_said(
    fake: FakePostHog, tmp_path: Path
) -> None:
    output = await odd_export(fake, tmp_path / "p.ndjson", "flock", errno.ENOLCK, "no lock")

    assert output == b"rows 2500\n"


async def test_a_lock_that_is_held_is_its_own_error(env: PostHogEnv, tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / "p.ndjson.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        with pytest.raises(FileLockedError, match="another export writes") as caught:
            await export(env.persons.list(), tmp_path / "p.ndjson")
        report = await export(env.persons.list(), tmp_path / "p.ndjson", lock=False)

    assert isinstance(caught.value, OSError)
    assert report.rows == 2_500


class VanishingPath(type(Path())):  # type: ignore[misc]
    """A file that other processes remove, and make anew, as soon as it was opened."""

    changes = ("made anew", "removed")

    def lstat(self) -> Any:
        for change in self.changes[:1]:
            self.changes = self.changes[1:]
            self.unlink()
            if change == "made anew":
                self.touch()
        return super().lstat()


def test_a_lock_file_that_its_holder_removes_meanwhile_locks_nothing(tmp_path: Path) -> None:
    lock, other = FileLock(VanishingPath(tmp_path / "l")), FileLock(tmp_path / "l")

    lock.acquire()
    with pytest.raises(FileLockedError):
        other.acquire()
    lock.release()
    other.acquire()
    other.release()


SYNCS = """
import asyncio, os, stat, sys
from posthog_env_async import PostHogEnv
from posthog_env_async.export import export

fsync = os.fsync

def noted(descriptor):
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode):
        print(found.st_size >> 20)
    fsync(descriptor)

os.fsync = noted

async def main():
    async with PostHogEnv(1) as env:
        await export(env.persons.list(page_size=100), sys.argv[1], checkpoint_every=3600.0)

asyncio.run(main())
"""


async def test_a_large_file_is_synced_while_it_grows(tmp_path: Path) -> None:
    async with FakePostHog(2_000, mode="routes", person_bytes=20_000) as fake:
        done = await anyio.run_process(
            [sys.executable, "-c", SYNCS, str(tmp_path / "p.ndjson")],
            env=os.environ | {"POSTHOG_HOST": fake.url, "POSTHOG_PERSONAL_API_KEY": fake.key},
        )

    sizes = sorted({int(line) for line in done.stdout.split()} - {0})
    assert sizes[-1] >= 38
    assert sizes[0] <= 20 < sizes[-2]
