"""What a ledger was begun with, and keeps."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from posthog_env_async.errors import CheckpointError

__all__ = ["Terms", "check_terms", "first_record", "now_text", "terms_of"]

VERSION = 1


@attrs.frozen(kw_only=True)
class Terms:
    """What a ledger is for: it keeps these for as long as it lives."""

    host: str
    project: str
    events: bool
    recordings: bool
    keep_person: bool
    plain_ids: bool


def now_text() -> str:
    """Return the time of now as ISO text."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def first_record(terms: Terms | None) -> dict[str, Any]:
    """Return the first record of a new ledger."""
    said = {} if terms is None else attrs.asdict(terms)
    salt = os.urandom(16).hex()
    return {"kind": "ledger", "version": VERSION, "at": now_text(), "salt": salt, **said}


def terms_of(path: Path, header: Mapping[str, Any]) -> Terms:
    """Read the terms in the first record of a ledger.

    Raises:
        CheckpointError: when it is not a ledger of this version.
    """
    if header.get("kind") != "ledger" or header.get("version") != VERSION:
        raise CheckpointError(f"{path.name} is not a ledger, or one of another version")
    names = [field.name for field in attrs.fields(Terms)]
    try:
        terms = Terms(**{name: header[name] for name in names})
        datetime.fromisoformat(header["at"])
        bytes.fromhex(header["salt"])
    except (KeyError, TypeError, ValueError):
        terms = None
    if terms is None or not _is_sound(terms):
        raise CheckpointError(f"{path.name} is damaged: its first line is not as it was written")
    return terms


def _is_sound(terms: Terms) -> bool:
    texts = (terms.host, terms.project)
    switches = (terms.events, terms.recordings, terms.keep_person, terms.plain_ids)
    return all(type(each) is str for each in texts) and all(type(each) is bool for each in switches)


def check_terms(path: Path, kept: Terms, asked: Terms) -> None:
    """Check that a ledger was begun with the terms of now.

    Raises:
        CheckpointError: naming what differs.
    """
    differ = [
        field.name
        for field in attrs.fields(Terms)
        if getattr(kept, field.name) != getattr(asked, field.name)
    ]
    if differ:
        raise CheckpointError(
            f"{path.name} was begun with another {', '.join(differ)};"
            " a ledger keeps what it was begun with: use another file"
        )
