"""An erasure that is killed anywhere and run again: nobody forgotten, nobody asked without need."""

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import anyio
import pytest

from posthog_env_async.erasure import check
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client

WORKER = Path(__file__).parents[1] / "_support" / "erase_worker.py"
BULK = "bulk_delete"


class Erasing:
    """A worker process over one ledger, and what it was told to erase."""

    def __init__(self, fake: FakePostHog, folder: Path, people: list[UUID]) -> None:
        self.fake, self.ledger = fake, folder / "ledger.ndjson"
        self.people = folder / "people.txt"
        self.people.write_text("\n".join(map(str, people)))

    async def run(self, kill_when: Callable[[], bool] = lambda: False) -> tuple[int, str]:
        words = [self.fake.url, self.fake.key, str(self.people), str(self.ledger)]
        process = await anyio.open_process([sys.executable, str(WORKER), *words])
        assert process.stdout is not None
        killed = False
        while process.returncode is None:
            if not killed and kill_when():
                killed = True
                os.kill(process.pid, signal.SIGKILL)  # once: asking for its state would reap it
            with anyio.move_on_after(0.005):
                await process.wait()
        text = b"".join([chunk async for chunk in process.stdout]).decode()
        await process.aclose()
        return process.returncode, text

    def asked(self) -> int:
        return sum(BULK in asked.path for asked in self.fake.requests)


async def agrees(fake: FakePostHog, erasing: Erasing, people: list[UUID]) -> None:
    """Check ledger, receipt and the server's own record against each other."""
    erasures = fake.erasures()
    assert set(erasures) == set(people)
    assert all(record.events and not record.keep_person for record in erasures.values())
    async with client(fake) as env:
        report = await check(env, erasing.ledger)
    receipt = json.loads(erasing.ledger.with_name("ledger.ndjson.receipt.json").read_text())
    assert (report.found, report.verified) == (len(people), len(people))
    assert (receipt["found"], receipt["verified"]) == (len(people), len(people))
    assert (receipt["unknown"], receipt["failed"], receipt["not_yet_asked"]) == (0, 0, 0)


async def test_an_erasure_killed_between_question_and_answer_goes_on(tmp_path: Path) -> None:
    async with FakePostHog(2_500, mode="routes", latency=(0.0, 0.2)) as fake:
        people = fake.uuids()
        erasing = Erasing(fake, tmp_path, people)

        for number in (1, 2):
            code, _ = await erasing.run(lambda number=number: erasing.asked() >= number)
            assert code == -9
        code, text = await erasing.run()

        assert (code, text) == (0, "2500 0 0 0\n")
        assert {record.times for record in fake.erasures().values()} == {1}
        await agrees(fake, erasing, people)


@pytest.mark.slow
async def test_an_erasure_of_20000_killed_30_times_under_faults_forgets_nobody(
    tmp_path: Path,
) -> None:
    chance = random.Random(20_000)
    async with FakePostHog(20_000, mode="routes", latency=(0.0, 0.3)) as fake:
        people = fake.uuids()
        erasing = Erasing(fake, tmp_path, [*people, *(UUID(int=each) for each in range(50))])
        for _ in range(500):  # five in a hundred requests
            action = chance.choice(["status", "reset", "lost", "truncate", "disconnect"])
            after = chance.randrange(10_000)
            fake.faults.append(Fault(chance.choice([500, 502, 503]), action=action, after=after))

        kills = 0
        while kills < 30:
            ends = anyio.current_time() + chance.uniform(0.4, 1.6)
            code, _ = await erasing.run(lambda ends=ends: anyio.current_time() >= ends)
            if code == 0:
                break
            kills += code == -9
        failures = 0
        while (await erasing.run())[0] != 0:
            failures += 1
            assert failures < 20

        times = [record.times for record in fake.erasures().values()]
        assert kills == 30, "the run ended before it was killed often enough"
        assert sum(times) <= 1.02 * len(people)
        await agrees(fake, erasing, people)
