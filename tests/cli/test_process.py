"""The command as a process: signals, pipes that break, streams that are closed, old terminals."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

pytest.importorskip("cyclopts")

from cli_runs import COMMAND, Ran, checked, environment, interrupted, outputs, ran_in_process
from posthog_env_async.testing import FakePostHog, Fault

# Two seconds where nothing else runs.
STOPS_WITHIN = 6.0
SLOWLY = ("--page-size", "100", "--prefetch", "0")
# What `posthog-env … &` in a plain script does to a process: SIGINT is ignored from its start.
IN_BACKGROUND = (
    sys.executable,
    "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN);"
    "os.execv(sys.executable, [sys.executable, '-m', 'posthog_env_async', *sys.argv[1:]])",
)


@pytest.mark.parametrize(("by", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_job_in_the_background_stops_on_a_signal_within_two_seconds(
    fake: FakePostHog, tmp_path: Path, by: signal.Signals, code: int
) -> None:
    fake.faults.append(Fault(action="stall", path="/persons/", after=3, seconds=None))
    words = ("export", "persons", "--out", "all.ndjson", *SLOWLY)

    process = await anyio.open_process(
        [*IN_BACKGROUND, *words], cwd=tmp_path, env=environment(fake)
    )
    with anyio.fail_after(30):
        while len(fake.requests) < 4:
            await anyio.sleep(0.02)
    process.send_signal(by)
    with anyio.fail_after(STOPS_WITHIN):
        _, err = await outputs(process)

    assert process.returncode == code
    assert "posthog-env export persons --out all.ndjson" in err
    assert (tmp_path / "all.ndjson.checkpoint.json").exists()


async def test_a_signal_before_a_command_begins_ends_it_before(tmp_path: Path) -> None:
    (tmp_path / "early.py").write_text(
        "import os, signal\n"
        "from cyclopts import App\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "app = App(name='early', result_action='return_value')\n"
        "@app.default\n"
        "def begin():\n"
        "    print('begun')\n"
    )
    script = (
        "import sys; from cyclopts import App; from posthog_env_async.cli.app import run_words;"
        "app = App(result_action='return_value'); app.command('early:app', name='early');"
        "sys.exit(run_words(['early'], app))"
    )

    done = await anyio.run_process(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment(None), check=False
    )

    assert (done.returncode, done.stdout) == (143, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
async def test_a_signal_while_the_help_is_written_ends_it_at_once() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)

    process = await anyio.open_process([*COMMAND, "--help"], env=environment(None), stdout=writing)
    os.close(writing)
    status = Path(f"/proc/{process.pid}/status")
    with anyio.fail_after(30):
        while not int(re.findall(r"SigCgt:\s*(\w+)", status.read_text())[0], 16) & 1 << 14:
            await anyio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        code = await process.wait()
    os.close(reading)
    await process.aclose()

    assert code == 143


async def test_help_for_a_reader_that_has_left_is_not_an_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)

    done = await anyio.run_process(
        [*COMMAND, "--version"], env=environment(None), stdout=writing, check=False
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (0, b"")


async def test_a_wrong_use_of_a_process_is_exit_code_2() -> None:
    done = await anyio.run_process([*COMMAND, "nonsense"], env=environment(None), check=False)

    assert done.returncode == 2
    assert b"--help shows what there is" in done.stderr


@pytest.mark.parametrize("uvloop", ["", "sys.modules['uvloop'] = None;"])
async def test_a_second_signal_does_not_wait(uvloop: str) -> None:
    script = (
        f"import signal, sys, anyio; {uvloop}"
        "from cyclopts import App; from posthog_env_async.cli.app import run_words;"
        "app = App(result_action='return_value')\n"
        "@app.default\n"
        "async def stubborn():\n"
        "    with anyio.CancelScope(shield=True):\n"
        "        print('begun', flush=True); await anyio.sleep_forever()\n"
        "sys.exit(run_words([], app))"
    )
    process = await anyio.open_process([sys.executable, "-c", script], env=environment(None))
    assert process.stdout is not None

    with anyio.fail_after(30):
        await process.stdout.receive()
        process.send_signal(signal.SIGTERM)
        await anyio.sleep(0.2)
        assert process.returncode is None
        process.send_signal(signal.SIGTERM)
        code = await process.wait()
    await process.aclose()

    assert code == 143


async def test_ctrl_c_stops_a_listing_with_exit_code_130(fake: FakePostHog, tmp_path: Path) -> None:
    fake.faults.append(Fault(action="stall", path="/persons/", after=2, seconds=None))

    done = await interrupted(
        fake,
        *("persons", "list", *SLOWLY),
        cwd=tmp_path,
        when=lambda: len(fake.requests) == 3,
    )

    assert done.code == 130
    assert done.err == "stopped\n"
    assert len(done.lines()) == 198


async def test_ctrl_c_does_not_wait_for_a_reader_who_does_not_read(fake: FakePostHog) -> None:
    words = (*COMMAND, "persons", "list", "--quiet")
    async with await anyio.open_process(words, env=environment(fake)) as process:
        assert process.stdout is not None
        await process.stdout.receive(1)
        process.send_signal(signal.SIGINT)
        with anyio.fail_after(30):
            code = await process.wait()

    assert code == 130


@pytest.mark.parametrize("words", ["persons list --quiet", "persons list --help", "--help"])
async def test_a_reader_that_leaves_ends_the_command_quietly(fake: FakePostHog, words: str) -> None:
    script = f'"{sys.executable}" -m posthog_env_async {words} | head -1; exit ${{PIPESTATUS[0]}}'

    done = await anyio.run_process(["bash", "-c", script], env=environment(fake), check=False)

    assert done.stdout.count(b"\n") == 1
    assert (done.returncode, done.stderr) == (0, b"")


async def test_messages_that_nobody_reads_stop_no_export(fake: FakePostHog, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    done = await anyio.run_process(
        [*COMMAND, "export", "persons", "--out", "all.ndjson"],
        cwd=tmp_path,
        env=environment(fake),
        check=False,
        stderr=writing,
    )
    os.close(writing)

    assert done.returncode == 0
    assert len((tmp_path / "all.ndjson").read_bytes().splitlines()) == 2_500


@pytest.mark.parametrize("words", ["persons list", "persons list --help", "--help"])
async def test_a_disk_without_room_for_stdout_is_one_line_and_exit_code_1(
    fake: FakePostHog, words: str
) -> None:
    script = f'exec "$0" -m posthog_env_async {words} >/dev/full'

    done = await ran_in_process(fake, command=("sh", "-c", script, sys.executable))

    assert done.code == 1
    assert done.err == "error: No space left on device\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
async def test_a_process_without_a_standard_stream_ends_as_any_other(
    fake: FakePostHog, tmp_path: Path, closed: str
) -> None:
    script = f'exec "$0" -m posthog_env_async export persons --out all.ndjson {closed}'

    done = await ran_in_process(fake, cwd=tmp_path, command=("sh", "-c", script, sys.executable))

    assert done.code == 0
    assert len((tmp_path / "all.ndjson").read_bytes().splitlines()) == 2_500


async def test_rows_for_a_stdout_that_is_closed_are_an_error(fake: FakePostHog) -> None:
    script = 'exec "$0" -m posthog_env_async export persons --stdout >&-'

    done = await ran_in_process(fake, command=("sh", "-c", script, sys.executable))

    assert done.code == 1
    assert "Bad file descriptor" in done.err


@pytest.mark.parametrize(
    "terminal",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=["cp1252", "ascii", "C"],
)
async def test_a_terminal_of_another_encoding_gets_what_it_can_show(
    fake: FakePostHog, terminal: dict[str, str]
) -> None:
    fake.add_person(properties={"email": "ada@example.com"}, name="Ада → 李")

    listed = await raw(fake, terminal, "persons", "list", "--max-items", "1")
    helped = await raw(fake, terminal, "persons", "list", "--help")
    begun = await raw(fake, terminal, "--help")

    assert [done.code for done in (listed, helped, begun)] == [0, 0, 0]
    assert "Ада → 李" in listed.out
    assert "1 person" in listed.err
    assert "Exit codes" in begun.out


async def raw(fake: FakePostHog, terminal: dict[str, str], *words: str) -> Ran:
    done = await anyio.run_process(
        [*COMMAND, *words],
        env=environment(fake, **terminal),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    texts = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return checked(Ran(done.returncode, *texts), fake)
