"""Erase persons and keep the proof: `python erase.py`.

A dry run says what would happen. The erasure keeps a ledger: killed at any place, it is run again
with the same people and the same ledger. Days later `check` asks whether the events are gone.
"""

import tempfile
from pathlib import Path

import anyio

from posthog_env_async import PostHogEnv
from posthog_env_async.erasure import check, erase
from posthog_env_async.testing import FakePostHog


async def forget(env: PostHogEnv, people: list[str], ledger: Path) -> None:
    """Erase people with their events, after a look at what that means."""
    plan = await erase(env, people, ledger=ledger, events=True)
    print(f"would erase {plan.pending} persons in {plan.requests} requests")
    report = await erase(env, people, ledger=ledger, events=True, dry_run=False)
    print(f"{report.found} found, {report.not_found} unknown to the server")
    again = await erase(env, people, ledger=ledger, events=True, dry_run=False)
    print(f"run again: the same, {again == report}")


async def main() -> None:
    """Erase 1,500 persons, and one whom nobody knows."""
    async with (
        FakePostHog(persons=2_000, mode="routes") as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        ledger = Path(tempfile.mkdtemp()) / "erasure.ndjson"
        people = [*(f"user-{number}" for number in range(1, 1_501)), "nobody"]
        await forget(env, people, ledger)
        report = await check(env, ledger, wait=60.0)
        print(f"{report.verified} verified, {len(fake.uuids())} persons left")
        print(ledger.with_name("erasure.ndjson.receipt.txt").read_text().splitlines()[0])


if __name__ == "__main__":
    anyio.run(main)
