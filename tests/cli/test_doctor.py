"""What `posthog-env doctor`, `limits` and `fake` tell."""

import json
import signal
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

pytest.importorskip("cyclopts")

from cli_runs import COMMAND, Ran, environment, on_a_terminal, ran
from posthog_env_async import Backoff, PostHogEnv, RateLimitError
from posthog_env_async.testing import FakePostHog, Fault


def checks(done: Ran) -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in done.lines()]
    return {check["name"]: check for check in found}


async def test_doctor_finds_everything_in_order() -> None:
    async with FakePostHog(persons=5, mode="routes") as fake:
        done = await ran(fake, "doctor")

    assert done.code == 0
    assert {check["verdict"] for check in checks(done).values()} == {"ok"}
    assert done.err == "all that you need works\n"


async def test_doctor_asks_no_question_of_the_ai(fake: FakePostHog) -> None:
    fake.insights.append([])

    await ran(fake, "doctor")

    assert fake.insights == [[]]


async def test_doctor_names_the_scope_that_is_missing(fake: FakePostHog) -> None:
    weak = fake.add_key("phx_weak", scopes=["insight:read", "query:read"])

    done = await ran(fake, "doctor", variables={"POSTHOG_PERSONAL_API_KEY": weak})

    assert done.code == 1
    persons = checks(done)["persons"]
    assert (persons["verdict"], persons["found"]) == ("fail", "the key lacks person:read")
    assert "add person:read" in persons["fix"]
    assert checks(done)["ask"]["verdict"] == "ok"


async def test_doctor_only_warns_of_what_is_not_needed(fake: FakePostHog) -> None:
    weak = fake.add_key("phx_weak", scopes=["person:read"])
    names = {"POSTHOG_PERSONAL_API_KEY": weak}

    usual = await ran(fake, "doctor", variables=names)
    with_logs = await ran(fake, "doctor", "--need", "logs", variables=names)

    assert (usual.code, checks(usual)["logs"]["verdict"]) == (0, "warn")
    assert (with_logs.code, checks(with_logs)["logs"]["verdict"]) == (1, "fail")


async def test_doctor_says_that_the_key_is_refused(fake: FakePostHog) -> None:
    done = await ran(fake, "doctor", variables={"POSTHOG_PERSONAL_API_KEY": "phx_unknown"})

    assert done.code == 1
    assert checks(done)["key"]["verdict"] == "fail"


async def test_doctor_says_that_nothing_answers(fake: FakePostHog) -> None:
    done = await ran(fake, "doctor", "--host", "http://127.0.0.1:9", "--max-wait", "0")

    assert done.code == 1
    assert checks(done)["host"]["verdict"] == "fail"
    assert "--host" in checks(done)["server"]["fix"]


async def test_doctor_says_that_the_project_is_another(fake: FakePostHog) -> None:
    done = await ran(fake, "doctor", "--project", "99")

    assert done.code == 1
    assert "posthog-env projects" in checks(done)["persons"]["fix"]


@pytest.mark.parametrize(
    ("fault", "verdict", "found", "fix"),
    [
        (Fault(429, headers={"Retry-After": "7200"}), "warn", "throttled", "resume after"),
        (Fault(402), "fail", "402", "quota is used up"),
        (Fault(403), "fail", "403", "confined"),
        (Fault(400), "fail", "400", "try again"),
    ],
)
async def test_doctor_says_what_stands_in_the_way(
    fake: FakePostHog, fault: Fault, verdict: str, found: str, fix: str
) -> None:
    fake.faults.append(attrs.evolve(fault, path="/persons/"))

    done = await ran(fake, "doctor")

    persons = checks(done)["persons"]
    assert persons["verdict"] == verdict
    assert found in persons["found"]
    assert fix in persons["fix"]


async def test_doctor_goes_on_where_the_server_does_not_tell_of_the_key(fake: FakePostHog) -> None:
    fake.faults.append(Fault(403, path="/personal_api_keys/"))

    done = await ran(fake, "doctor")

    assert checks(done)["key"]["verdict"] == "warn"
    assert checks(done)["persons"]["verdict"] == "ok"


@pytest.mark.parametrize("missing", ["POSTHOG_PERSONAL_API_KEY", "POSTHOG_PROJECT_ID"])
async def test_doctor_without_key_or_project_is_exit_code_2(
    fake: FakePostHog, missing: str
) -> None:
    done = await ran(fake, "doctor", variables={missing: ""})

    assert done.code == 2
    assert "fail" in {check["verdict"] for check in checks(done).values()}


async def test_doctor_tells_of_a_server_with_one_prefix_only() -> None:
    async with FakePostHog(persons=5, mode="projects_only") as fake:
        done = await ran(fake, "doctor")

    assert done.code == 0
    assert checks(done)["prefix"]["fix"] == "use --prefix projects"


async def test_doctor_tells_that_the_server_announces_the_end_of_a_prefix() -> None:
    async with FakePostHog(persons=1, mode="rewrite") as fake:
        done = await ran(fake, "doctor")

    assert "2026" in checks(done)["prefix"]["found"]
    assert checks(done)["prefix"]["fix"] == "use --prefix projects"


async def test_doctor_tells_which_endpoints_the_server_has() -> None:
    async with FakePostHog(persons=5, folders=False, max_tools=False) as fake:
        done = await ran(fake, "doctor")

    assert checks(done)["folders"]["found"] == "not on this server"
    assert checks(done)["ask"]["found"] == "not on this server"
    assert done.code == 0


async def test_limits_shows_what_was_used_by_others(fake: FakePostHog, tmp_path: Path) -> None:
    shared = ("--sqlite", str(tmp_path / "limits.db"), "--limit", "100/3600")
    await ran(fake, "persons", "list", "--prefetch", "0", *shared)
    sent = len(fake.requests)

    done = await ran(fake, "limits", *shared)

    left = {row["budget"]: row["left"] for row in map(json.loads, done.lines())}
    assert left["default"] == 100 - sent


async def test_limits_of_one_process_says_that_it_knows_of_no_other(fake: FakePostHog) -> None:
    done = await ran(fake, "limits", "--limit", "240/60")

    assert json.loads(done.lines()[0])["window"] == "minute"
    assert "--redis" in done.err


async def test_fake_serves_what_it_prints() -> None:
    words = ("fake", "--persons", "30", "--scope", "person:read", "--throttle", "persons=100/60")
    async with await anyio.open_process([*COMMAND, *words], env=environment(None)) as process:
        assert process.stdout is not None
        with anyio.fail_after(30):
            text = (await process.stdout.receive()).decode()
            names = dict(
                line.removeprefix("export ").split("=", 1) for line in text.split("\n") if line
            )
            key, host = names["POSTHOG_PERSONAL_API_KEY"], names["POSTHOG_HOST"]
            async with PostHogEnv(
                names["POSTHOG_PROJECT_ID"], api_key=key, host=host, prefix="projects"
            ) as env:
                count = await env.persons.list().count()
        process.send_signal(signal.SIGINT)
        code = await process.wait()

    assert count == 30
    assert code == 130


async def test_fake_serves_the_projects_and_the_limits_that_are_named() -> None:
    words = ("fake", "--project", "2=5", "--project", "3=4", "--throttle", "cloud")
    async with await anyio.open_process([*COMMAND, *words], env=environment(None)) as process:
        assert process.stdout is not None
        with anyio.fail_after(30):
            text = (await process.stdout.receive()).decode()
            names = dict(line.removeprefix("export ").split("=", 1) for line in text.splitlines())
            key, host = names["POSTHOG_PERSONAL_API_KEY"], names["POSTHOG_HOST"]
            once = Backoff(max_attempts=1)
            async with PostHogEnv(2, api_key=key, host=host, backoff=once, limits=None) as env:
                count = await env.persons.list().count()
                ask = env.max_tools.create_and_query_insight
                answers = [await ask("users", "trends") for _ in range(10)]
                with pytest.raises(RateLimitError):
                    await ask("users", "trends")
        process.send_signal(signal.SIGINT)
        await process.wait()

    assert (names["POSTHOG_PROJECT_ID"], count, len(answers)) == ("2", 5, 10)


@pytest.mark.parametrize("words", [("--project", "x"), ("--throttle", "all=3")])
async def test_fake_says_how_its_options_are_written(words: tuple[str, ...]) -> None:
    done = await ran(None, "fake", *words)

    assert done.code == 2
    assert "write" in done.err


async def test_on_a_terminal_doctor_and_limits_are_tables(fake: FakePostHog) -> None:
    code, text = await on_a_terminal(fake, "doctor")
    _, limits = await on_a_terminal(fake, "limits", "--limit", "240/60")

    assert code == 0
    assert "what to do" in text
    assert "all that you need works" in text
    assert "{" not in text + limits
    assert "minute" in limits


async def test_quiet_leaves_the_checks_alone(fake: FakePostHog) -> None:
    doctor = await ran(fake, "doctor", "--quiet")
    limits = await ran(fake, "limits", "--limit", "240/60", "--quiet")

    assert doctor.err == limits.err == ""
    assert json.loads(limits.lines()[0])["left"] == 240


async def test_doctor_says_that_the_host_is_not_posthog(fake: FakePostHog) -> None:
    fake.faults.append(Fault(400, action="html", times=99))

    done = await ran(fake, "doctor", "--prefix", "projects")

    checks = [json.loads(line) for line in done.lines()]
    assert done.code == 1
    assert [(check["name"], check["verdict"]) for check in checks] == [
        ("host", "fail"),
        ("server", "fail"),
    ]
