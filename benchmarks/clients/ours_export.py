"""This client's export to NDJSON: synced, checkpointed, with a manifest beside the file."""

import asyncio
import json
from pathlib import Path

from posthog_env_async import PostHogEnv
from posthog_env_async.export import export

from .meter import Meter, Work, identity

__all__ = ["run"]


async def _export(work: Work, path: Path) -> Meter:
    meter = Meter(work.check)
    async with PostHogEnv(1, api_key=work.key, host=work.url) as env:
        listing = env.persons.list(page_size=work.page_size, prefetch=work.prefetch)
        report = await export(listing, path)
        meter.stop(report.rows)
    return meter


def run(work: Work) -> Meter:
    """Export every person to a file, as the command line does."""
    path = Path(work.folder, "persons.ndjson")
    meter = asyncio.run(_export(work, path))
    if work.check:
        rows = map(json.loads, path.read_bytes().splitlines())
        meter.seen = [identity(row["uuid"], row["properties"]["email"]) for row in rows]
    return meter
