"""Ask what became of the persons of a ledger."""

import os
from pathlib import Path

import anyio
from anyio import to_thread

from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import CheckpointError, ConfigurationError
from posthog_env_async.session import finish

from .ledger import Ledger
from .receipt import write_receipt
from .report import ErasureReport
from .verify import read_deletions

__all__ = ["check"]

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 600.0


async def check(
    env: PostHogEnv, ledger: str | os.PathLike[str], *, wait: float | None = None
) -> ErasureReport:
    """Ask the server what became of the persons of a ledger, and write the receipt anew.

    The server tells of events alone: persons that were deleted without their events stay as they
    are. With `wait` it asks again, at most every ten minutes, until the events of all of them are
    verified to be gone, or so many seconds are over. Needs `person:read`.

    Raises:
        CheckpointError: when the ledger is damaged, not there, or of another host or project.
    """
    if wait is not None and not wait >= 0:
        raise ConfigurationError("wait must be seconds, 0 or more")
    opened = Ledger.opened(Path(ledger), None, writing=True)
    try:
        _check_place(env, opened)
        await _check(env, opened, wait or 0.0)
        await finish(to_thread.run_sync(write_receipt, opened))
        return opened.report()
    finally:
        opened.close()


async def _check(env: PostHogEnv, ledger: Ledger, wait: float) -> None:
    ends, pause = anyio.current_time() + wait, FIRST_PAUSE
    while ledger.terms.events and (waiting := _waiting(ledger)):
        await ledger.settled(await read_deletions(env, ledger, waiting))
        left = ends - anyio.current_time()
        if left <= 0 or not _waiting(ledger):
            return
        await anyio.sleep(min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE)


def _waiting(ledger: Ledger) -> set[str]:
    over = ("verified", "found", "failed")
    return {person for person, state in ledger.states.items() if state not in over}


def _check_place(env: PostHogEnv, ledger: Ledger) -> None:
    if (env.host, env.project_id) != (ledger.terms.host, ledger.terms.project):
        raise CheckpointError(
            f"{ledger.path.name} is of another host or project: {ledger.terms.host},"
            f" project {ledger.terms.project}"
        )
