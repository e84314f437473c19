"""Erase persons: each step is written down before it is taken."""

import os
from collections.abc import Callable
from pathlib import Path

from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import (
    ConfigurationError,
)
from posthog_env_async.session import Backoff

from .ledger import Ledger
from .people import By, People
from .report import ErasureReport
from .run import ErasureRun
from .terms import Terms

__all__ = ["erase"]

PATIENCE = Backoff(max_attempts=5)


async def erase(
    env: PostHogEnv,
    people: People,
    *,
    ledger: str | os.PathLike[str],
    by: By = "distinct_id",
    events: bool = False,
    recordings: bool = False,
    keep_person: bool = False,
    dry_run: bool = True,
    plain_ids: bool = False,
    concurrency: int = 8,
    backoff: Backoff = PATIENCE,
    on_progress: Callable[[ErasureReport], None] | None = None,
) -> ErasureReport:
    """Erase persons, with their `events` and `recordings` if so wanted; a dry run unless told.

    `people` are distinct ids, uuids or e-mail addresses (`by`), or persons, such as a listing of
    them; of an e-mail address, everybody who has it. They are looked up, 200 a request, and
    deleted, 1,000 a request. A dry run looks them up, writes nothing and deletes nobody.

    The `ledger` is a file of JSON lines, readable by its owner alone. It is written, and on the
    disk, before each request and after each answer. Killed at any place, `erase` is run again with
    the same people and ledger: whoever was dealt with is not asked for again, and of whom it is not
    known is found out first. It holds digests of ids and uuids, unless `plain_ids`: nobody can read
    them back, but who has an id and the ledger can tell whether it is in there. A ledger keeps its
    host, project and switches; with others it is refused. Beside it stand `NAME.receipt.json` and
    `NAME.receipt.txt`. Needs `person:read` and `person:write`.

    Args:
        env: a client of the project.
        people: whom to erase.
        ledger: where the ledger is, or is to be.
        by: what `people` are.
        events: whether their events go too.
        recordings: whether their recordings go too.
        keep_person: whether only those go, and the persons stay.
        dry_run: whether to look only.
        plain_ids: whether the ledger holds ids as they are.
        concurrency: how many look-ups may be under way at once.
        backoff: how often, and after what wait, to ask again where the answer was lost.
        on_progress: called with the report after each request.

    Raises:
        CheckpointError: when the ledger is damaged, or was begun with other switches.
        ExportError: when it cannot be written.
        PostHogError: what ended the run; the ledger knows how far it came.
    """
    _check(events=events, recordings=recordings, keep_person=keep_person, dry_run=dry_run)
    terms = Terms(
        host=env.host,
        project=env.project_id,
        events=events,
        recordings=recordings,
        keep_person=keep_person,
        plain_ids=plain_ids,
    )
    opened = Ledger.opened(Path(ledger), terms, writing=not dry_run)
    try:
        run = ErasureRun(env, opened, dry_run, backoff, on_progress)
        return await run.erase(people, by, concurrency)
    finally:
        opened.close()


def _check(**switches: object) -> None:
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise ConfigurationError(f"{name} is True or False")
    if switches["keep_person"] and not (switches["events"] or switches["recordings"]):
        raise ConfigurationError("keep_person without events or recordings erases nothing")
