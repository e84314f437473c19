"""Erase the uuids of a file, in a process that may be killed: `HOST KEY PEOPLE LEDGER`."""

import sys
from pathlib import Path

import anyio

from posthog_env_async import Backoff, PostHogEnv
from posthog_env_async.erasure import erase

__all__ = ["main"]

EAGER = Backoff(base=0.0)


async def main(host: str, key: str, people: str, ledger: str) -> None:
    ids = Path(people).read_text().split()
    async with PostHogEnv(1, api_key=key, host=host, backoff=EAGER, limits=None) as env:
        report = await erase(
            env, ids, by="uuid", ledger=ledger, events=True, dry_run=False, backoff=EAGER
        )
    sys.stdout.write(f"{report.found} {report.not_found} {report.unknown} {report.failed}\n")


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
