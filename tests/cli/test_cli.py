"""The command line as a whole: help, keys, errors and exit codes."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

pytest.importorskip("cyclopts")

import posthog_env_async
from cli_runs import Ran, environment, ran, ran_in_process
from posthog_env_async.testing import FakePostHog, Fault

WITHOUT_EXTRA = (
    sys.executable,
    "-c",
    "import sys; sys.modules['cyclopts'] = None; from posthog_env_async.cli import main; main()",
)


def one_error(done: Ran) -> str:
    """Return the error's line; there is no other line."""
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    assert done.out == ""
    return line


@pytest.mark.parametrize("words", [(), ("--help",)])
async def test_the_command_alone_shows_what_there_is_and_how_to_begin(
    words: tuple[str, ...],
) -> None:
    done = await ran_in_process(None, *words)

    assert done.code == 0
    assert "posthog-env demo" in done.out
    assert "Exit codes" in done.out


async def test_the_help_of_a_command_teaches_by_examples() -> None:
    done = await ran(None, "persons", "list", "--help")

    assert done.code == 0
    assert "posthog-env persons list --search @example.com" in done.out


async def test_the_version_is_that_of_the_package() -> None:
    done = await ran_in_process(None, "--version")

    assert done.out.strip() == posthog_env_async.__version__


async def test_without_its_extra_the_command_names_it() -> None:
    done = await ran_in_process(None, "persons", "list", command=WITHOUT_EXTRA)

    assert done.code == 2
    assert "pip install 'posthog-env-async[cli]'" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("persons", "list", "--nope"),
        ("person",),
        ("persons", "list", "--page-size", "many"),
        ("persons", "list", "--page-size", "0"),
        ("persons", "list", "--property", "plan"),
        ("persons", "list", "--limit", "fast"),
        ("persons", "get", "not-an-id"),
        ("persons", "list", "--project", "one"),
        ("persons", "list", "--project", "1-3"),
        ("persons", "list", "--proxy", "proxy.example:3128"),
        ("persons", "list", "--ca-file", "/etc/hostname"),
        ("persons", "list", "--redis-file", "/nowhere/url"),
        ("persons", "list", "--sqlite", "limits.db", "--limit", "none"),
        ("export", "people"),
        ("folders", "get", "not-an-id"),
        ("logs", "query", "--filter", "body=x"),
        ("limits", "--redis", "redis://localhost", "--sqlite", "limits.db"),
        ("verify",),
    ],
)
async def test_a_wrong_use_is_one_line_and_exit_code_2(
    fake: FakePostHog, words: tuple[str, ...]
) -> None:
    done = await ran(fake, *words)

    assert done.code == 2
    assert one_error(done)
    assert fake.requests == []


async def test_without_a_key_the_command_says_where_one_comes_from(fake: FakePostHog) -> None:
    done = await ran(fake, "persons", "list", variables={"POSTHOG_PERSONAL_API_KEY": ""})

    assert done.code == 2
    assert "POSTHOG_PERSONAL_API_KEY" in one_error(done)


async def test_a_project_token_is_refused_before_anything_is_sent(fake: FakePostHog) -> None:
    done = await ran(fake, "key", variables={"POSTHOG_PERSONAL_API_KEY": "phc_public"})

    assert done.code == 2
    assert "phx_" in one_error(done)
    assert fake.requests == []


async def test_the_key_is_read_from_a_file(fake: FakePostHog, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{fake.key}\n")

    done = await ran(
        fake, "key", "--key-file", str(file), variables={"POSTHOG_PERSONAL_API_KEY": "phx_wrong"}
    )

    assert done.code == 0
    assert json.loads(done.out)["scopes"] == ["*"]


async def test_the_key_is_read_from_stdin(fake: FakePostHog) -> None:
    done = await ran(
        fake,
        "key",
        "--key-file",
        "-",
        stdin=f"{fake.key}\n".encode(),
        variables={"POSTHOG_PERSONAL_API_KEY": ""},
    )

    assert done.code == 0


async def test_a_key_file_of_an_editor_on_windows_is_read(
    fake: FakePostHog, tmp_path: Path
) -> None:
    file = tmp_path / "key.txt"
    file.write_bytes(f'\ufeffPOSTHOG_PERSONAL_API_KEY="{fake.key}"\r\n'.encode("utf-16-le"))

    done = await ran(fake, "key", "--key-file", str(file))

    assert done.code == 0


@pytest.mark.parametrize(
    "text",
    ["\ufeff{}\r\n", "POSTHOG_PERSONAL_API_KEY='{}'\n", "Authorization: Bearer {}\n", '"{}"'],
)
async def test_a_key_file_may_be_written_by_an_editor_or_a_shell(
    fake: FakePostHog, tmp_path: Path, text: str
) -> None:
    (tmp_path / "key").write_text(text.format(fake.key))

    done = await ran(fake, "key", "--key-file", "key", cwd=tmp_path)

    assert done.code == 0


async def test_a_key_file_is_read_again_when_the_key_is_renewed(
    fake: FakePostHog, tmp_path: Path
) -> None:
    file, new = tmp_path / "key", fake.key
    file.write_text(fake.add_key("phx_old", scopes=["*"]))

    def renew() -> None:
        file.write_text(new)
        fake.faults.append(Fault(401, path="/persons/"))

    words = ("persons", "list", "--page-size", "100", "--prefetch", "0", "--key-file", str(file))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(when, lambda: len(fake.requests) >= 2, renew)
        done = await ran(fake, *words)

    assert done.code == 0
    assert len(done.lines()) == 2_500


async def when(holds: Callable[[], bool], act: Callable[[], None]) -> None:
    while not holds():
        await anyio.sleep(0.001)
    act()


async def test_a_key_file_that_holds_something_else_is_not_quoted(
    fake: FakePostHog, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("two words\nand lines")

    done = await ran(fake, "key", "--key-file", "key", cwd=tmp_path)

    assert done.code == 2
    assert "two words" not in done.err


async def test_a_key_file_that_is_missing_is_named(fake: FakePostHog) -> None:
    done = await ran(fake, "key", "--key-file", "/nowhere/key")

    assert done.code == 2
    assert "/nowhere/key" in one_error(done)


async def test_the_options_take_the_place_of_the_environment(fake: FakePostHog) -> None:
    words = ("--host", fake.url, "--project", "1", "--prefix", "projects", "--timeout", "5")
    wrong = {"POSTHOG_HOST": "http://127.0.0.1:9", "POSTHOG_PROJECT_ID": "99"}

    done = await ran(fake, "persons", "list", "--max-items", "1", *words, variables=wrong)

    assert done.code == 0
    assert fake.requests[0].path == "/api/projects/1/persons/"


async def test_a_host_where_nobody_listens_is_exit_code_1_with_advice(fake: FakePostHog) -> None:
    done = await ran(fake, "key", "--host", "http://127.0.0.1:9", "--max-wait", "0", "--quiet")

    assert done.code == 1
    assert "posthog-env doctor" in one_error(done)


async def test_a_key_that_is_refused_is_exit_code_1_with_advice(fake: FakePostHog) -> None:
    done = await ran(fake, "key", variables={"POSTHOG_PERSONAL_API_KEY": "phx_unknown"})

    assert done.code == 1
    assert "--host eu" in one_error(done)


async def test_a_missing_scope_is_named(fake: FakePostHog) -> None:
    weak = fake.add_key("phx_weak", scopes=["insight:read"])

    done = await ran(
        fake, "persons", "list", "--quiet", variables={"POSTHOG_PERSONAL_API_KEY": weak}
    )

    assert done.code == 1
    assert "person:read" in one_error(done)


async def test_a_wait_that_is_too_long_is_exit_code_75_and_says_when_to_resume(
    fake: FakePostHog,
) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "7200"}))

    done = await ran(fake, "persons", "list", "--quiet", "--prefix", "projects")

    assert done.code == 75
    assert "resume after" in one_error(done)


async def test_the_clients_own_limit_is_exit_code_75_too(fake: FakePostHog) -> None:
    words = ("--limit", "2/3600", "--page-size", "100", "--prefix", "projects")

    done = await ran(fake, "persons", "list", "--quiet", *words)

    assert done.code == 75
    assert "resume after" in done.err
    assert len(fake.requests) == 2


async def test_a_warning_is_one_line_that_names_the_option() -> None:
    async with FakePostHog(persons=1, mode="rewrite") as fake:
        done = await ran(fake, "persons", "list", "--prefix", "environments")

    assert done.err.splitlines()[0].startswith("note: ")
    assert "--prefix projects" in done.err


async def test_quiet_leaves_stderr_empty(fake: FakePostHog) -> None:
    done = await ran(fake, "persons", "list", "--max-items", "1", "--quiet")

    assert done.err == ""
    assert len(done.lines()) == 1


async def test_an_error_names_the_option_and_not_the_parameter(fake: FakePostHog) -> None:
    done = await ran(fake, "persons", "list", variables={"POSTHOG_PROJECT_ID": ""})

    assert "give --project or set POSTHOG_PROJECT_ID; posthog-env projects shows" in done.err


async def test_a_failed_attempt_adds_no_line_before_the_final_error(fake: FakePostHog) -> None:
    words = ("key", "--host", "http://127.0.0.1:9", "--max-wait", "1")

    usual = await ran(fake, *words)
    verbose = await ran(fake, *words, "--verbose")

    assert one_error(usual).startswith("error: cannot connect")
    assert "attempt 1 failed" in verbose.err


@pytest.mark.parametrize("limit", [(), ("--limit", "240/60")])
async def test_a_429_of_the_server_is_named_as_the_servers(
    fake: FakePostHog, limit: tuple[str, ...]
) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "7200"}))

    done = await ran(fake, "persons", "list", *limit)

    assert done.code == 75
    assert one_error(done).startswith("error: the server refused: 429 ")


async def test_the_clients_own_limit_is_named_as_its_own(fake: FakePostHog) -> None:
    done = await ran(fake, "persons", "list", "--limit", "1/3600", "--page-size", "100")

    assert "the client's own limit for default is used up" in done.err


async def test_a_shared_limit_without_limits_says_which_apply_and_to_whom(
    fake: FakePostHog, tmp_path: Path
) -> None:
    shared = ("--sqlite", str(tmp_path / "limits.db"), "--max-items", "1")

    usual = await ran(fake, "persons", "list", *shared)
    given = await ran(fake, "persons", "list", *shared, "--limit", "100/60")
    quiet = await ran(fake, "persons", "list", *shared, "--quiet")

    assert "without --limit those of PostHog Cloud apply: persons 240 in 60 s; " in usual.err
    assert "shared by all processes that name" in usual.err
    assert "note:" not in given.err
    assert quiet.err == ""


@pytest.mark.parametrize("how", ["POSTHOG_REDIS_URL", "--redis-file", "--redis"])
async def test_the_password_of_a_redis_is_in_no_message(
    fake: FakePostHog, tmp_path: Path, how: str
) -> None:
    pytest.importorskip("redis")
    url, file = "redis://:hunter2@127.0.0.1:9/0", tmp_path / "redis"
    file.write_text(f"{url}\n")
    words = {"--redis-file": (how, str(file)), "--redis": (how, url)}.get(how, ())
    variables = {"POSTHOG_REDIS_URL": url} if how.startswith("POSTHOG") else {}

    done = await ran(fake, "export", "persons", *words, cwd=tmp_path, variables=variables)

    assert done.code == 1
    assert "shared by all processes that name" in done.err
    assert "hunter2" not in done.err


async def test_a_proxy_takes_the_requests(fake: FakePostHog) -> None:
    words = ("key", "--host", "http://posthog.example.com", "--proxy", fake.url)

    done = await ran(fake, *words)

    assert done.code == 0
    assert fake.requests[0].path.endswith("/api/personal_api_keys/@current/")


async def test_the_completion_of_a_shell_names_commands_and_options() -> None:
    done = await ran(None, "completion", "bash")

    assert done.code == 0
    assert "complete -F" in done.out
    assert "--page-size" in done.out


async def test_the_completion_is_installed_where_the_shell_finds_it(tmp_path: Path) -> None:
    done = await ran(None, "completion", "fish", "--install", variables={"HOME": str(tmp_path)})

    (script,) = tmp_path.rglob("*.fish")
    assert done.code == 0
    assert str(script) in done.err
    assert "page-size" in script.read_text()


async def test_export_alone_says_what_it_needs(fake: FakePostHog) -> None:
    done = await ran(fake, "export", variables={"POSTHOG_PROJECT_ID": ""})

    assert done.code == 2
    assert "POSTHOG_PERSONAL_API_KEY is set" in done.err
    assert "set POSTHOG_PROJECT_ID, or give --project" in done.err


async def test_times_in_messages_have_a_zone(fake: FakePostHog) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "7200"}))

    done = await ran(fake, "persons", "list")

    assert re.search(r"resume after (\d{4}-\d\d-\d\d )?\d\d:\d\d [A-Z+-]", done.err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--redis", "redis://x", "--redis-file", "redis"), "not both"),
        (("--redis-file", "empty"), "empty is empty"),
        (("--ca-file", "missing"), "cannot use missing: No such file"),
    ],
)
async def test_a_file_that_an_option_names_has_to_hold_something(
    fake: FakePostHog, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "empty").touch()

    done = await ran(fake, "key", *words, cwd=tmp_path)

    assert done.code == 2
    assert said in done.err


async def test_what_is_wrong_with_the_installation_is_not_blamed_on_the_extra() -> None:
    script = (
        "import sys; sys.modules['anyio'] = None; from posthog_env_async.cli import main\nmain()"
    )

    done = await anyio.run_process(
        [sys.executable, "-c", script, "key"], check=False, env=environment(None)
    )

    assert done.returncode == 1
    assert b"import of anyio halted" in done.stderr
    assert b"pip install" not in done.stderr
