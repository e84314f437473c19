"""What the server says of deletions that were asked for."""

from collections.abc import Callable
from datetime import datetime, timedelta

from posthog_env_async.client import PostHogEnv
from posthog_env_async.models import PersonDeletion

from .ledger import UNCERTAIN, Ledger, State

__all__ = ["read_deletions"]

MARGIN = timedelta(hours=1)
PAGE = 1000


async def read_deletions(env: PostHogEnv, ledger: Ledger, wanted: set[str]) -> dict[str, State]:
    """Return the persons of whom the server's list of deletions says more than the ledger.

    It lists deletions of events alone. A row that is an hour older than the ledger belongs to an
    earlier deletion: the clocks of the two need not agree to the minute.
    """
    found = dict[str, State]()
    is_ours = _belongs(ledger)
    listing = env.persons.deletions(page_size=PAGE)
    # A row that is missed leaves a person as uncertain as before.
    async with listing.iterate(on_gap="report") as rows:
        async for row in rows:
            person = ledger.person_id(row.person_uuid)
            if person in wanted and is_ours(row):
                state = _state(row, ledger.states[person])
                if state != ledger.states[person]:
                    found[person] = state
    return found


def _state(row: PersonDeletion, known: State) -> State:
    if row.delete_verified_at is not None:
        return "verified"
    return "queued" if known in UNCERTAIN else known


def _belongs(ledger: Ledger) -> Callable[[PersonDeletion], bool]:
    earliest = datetime.fromisoformat(ledger.created) - MARGIN
    return lambda row: row.created_at is None or row.created_at >= earliest
