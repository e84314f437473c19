"""Where an export stands, on disk: enough to go on, and nothing personal."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import attrs

from posthog_env_async._version import __version__
from posthog_env_async.errors import CheckpointError
from posthog_env_async.export.files.durable import write_whole
from posthog_env_async.pagination import ListingReport, QueryFingerprint

from .report import listing_report

__all__ = ["START_OVER", "Checkpoint", "Phase", "joined_reports", "timestamp"]

FORMAT = 1
START_OVER = "start over with resume=False (--restart), which drops what was written so far"

Phase = Literal["reading", "read", "done"]


def timestamp() -> str:
    """Return the time of now, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _tool() -> str:
    return f"posthog_env_async {__version__}"


@attrs.frozen(kw_only=True)
class Checkpoint:
    """Where an export stands: the part's first `bytes` hold `rows` rows; `token` goes on there.

    `phase` is `reading` until the listing has ended; then `read`, and `done` once `bytes` and
    `sha256` say what the file under the final name is. `asked` is what the caller chose: only the
    same goes on. `listing` is the report of all runs so far.
    """

    subject: QueryFingerprint
    format: str
    compression: str
    asked: Mapping[str, Any]
    started: str = attrs.field(factory=timestamp)
    phase: Phase = "reading"
    token: str | None = attrs.field(default=None, repr=False)
    rows: int = 0
    bytes: int = 0
    sha256: str = ""
    columns: tuple[str, ...] | None = None
    seconds: float = 0.0
    listing: ListingReport = attrs.field(factory=ListingReport)
    tool: str = attrs.field(factory=_tool)

    @property
    def has_something(self) -> bool:
        """Whether there is anything to go on from: else the next export begins anew."""
        return self.rows > 0 or self.phase != "reading"

    def save(self, path: Path) -> None:
        """Put the checkpoint in place of the one before, durably."""
        fields = {"version": FORMAT, **attrs.asdict(self)}
        write_whole(path, json.dumps(fields, indent=1).encode())

    @classmethod
    def load(cls, path: Path) -> "Checkpoint | None":
        """Read a checkpoint, `None` when there is none.

        Raises:
            CheckpointError: when it is damaged or of another version.
        """
        try:
            fields: dict[str, Any] = json.loads(path.read_bytes())
            version = fields.pop("version")
            if version == FORMAT:
                return _checkpoint(fields)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, AttributeError):
            wrong = "is damaged"
        else:
            wrong = "is of another version of this package"
        raise CheckpointError(f"{path.name} {wrong}; {START_OVER}")

    def check(self, wanted: "Checkpoint", name: str) -> None:
        """Check that this is a checkpoint of the export that is wanted.

        Raises:
            CheckpointError: naming what differs.
        """
        differs = self.subject.difference(wanted.subject)
        for field in ("format", "compression"):
            if differs is None and getattr(self, field) != getattr(wanted, field):
                differs = field
        if differs is None:
            differs = next((n for n in wanted.asked if self.asked.get(n) != wanted.asked[n]), None)
        if differs is not None:
            raise CheckpointError(
                f"{name} belongs to an export with another {differs}: run that one again to go on;"
                f" or {START_OVER}"
            )


def _checkpoint(fields: dict[str, Any]) -> Checkpoint:
    fields["listing"] = listing_report(fields["listing"])
    fields["subject"] = QueryFingerprint(**fields["subject"])
    if fields["columns"] is not None:
        fields["columns"] = tuple(fields["columns"])
    return Checkpoint(**fields)


def joined_reports(before: ListingReport, now: ListingReport) -> ListingReport:
    """Return the report of two runs of which the second went on where the first stopped."""
    numbers = {
        field.name: getattr(before, field.name) + getattr(now, field.name)
        for field in attrs.fields(ListingReport)
        if type(getattr(now, field.name)) is int
    }
    sizes = tuple(dict.fromkeys((*before.page_sizes, *now.page_sizes)))
    return attrs.evolve(now, **numbers, page_sizes=sizes)
