"""What became of the persons of a ledger."""

from typing import Any

import attrs

__all__ = ["ErasureReport"]


@attrs.frozen(kw_only=True)
class ErasureReport:
    """How many persons of a ledger are in which state; each person is in one.

    `found` persons exist or existed; `not_found` counts what was asked for and belongs to nobody.
    Of the persons found, `deleted` are gone, `queued` were accepted and go later, `verified` have
    no event left, as the server made sure; of `unknown` the request may or may not have arrived,
    and `failed` are those that the server could not delete. The next `erase` asks for those two
    again.
    In a dry run the rest of `found` would be asked for, in `requests` more requests; `events` and
    `recordings` are how many persons lose theirs.
    """

    found: int = 0
    not_found: int = 0
    deleted: int = 0
    queued: int = 0
    verified: int = 0
    unknown: int = 0
    failed: int = 0
    events: int = 0
    recordings: int = 0
    requests: int = 0
    dry_run: bool = False

    @property
    def pending(self) -> int:
        """How many persons were found and not yet asked for."""
        known = self.deleted + self.queued + self.verified + self.unknown + self.failed
        return self.found - known

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return attrs.asdict(self)
