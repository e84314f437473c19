"""The text that says where a listing stands, exact to the item."""

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Any, cast

import attrs

from posthog_env_async.errors import CheckpointError

__all__ = ["QueryFingerprint", "Token", "digest", "fingerprint_of"]

FORMAT = 1
DIGEST_BYTES = 6


def digest(key: str) -> bytes:
    """Return a short stand-in for a row's key."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


def _short(*texts: str) -> str:
    return digest("\n".join(texts)).hex()


@attrs.frozen
class QueryFingerprint:
    """What a listing lists, told apart without saying it: a token holds no personal data."""

    host: str
    project: str
    query: str

    def difference(self, other: "QueryFingerprint") -> str | None:
        """Name what differs from another subject."""
        names = {"host": "host", "project": "project", "query": "query"}
        return next((n for n in names if getattr(self, n) != getattr(other, n)), None)

    @property
    def fingerprint(self) -> str:
        """One text for all of it."""
        return f"{self.host}-{self.project}-{self.query}"


def fingerprint_of(
    host: str, project: str, path: str, params: Iterable[tuple[str, str]]
) -> QueryFingerprint:
    """Return the subject of a listing."""
    query = [f"{name}={value}" for name, value in sorted(params)]
    return QueryFingerprint(_short(host), _short(project), _short(path, *query))


@attrs.frozen(kw_only=True)
class Token:
    """A place in a listing.

    `offset` is a row that the next window has to begin at or before; `tail` the digests of the rows
    right before it, all of which were yielded, as were all before them; `loose` those of rows that
    were yielded from among rows which may change places; `whole` says that these are all that were
    yielded; `moment` when the last of them was made, in milliseconds. A listing by
    cursor keeps its `cursor` and how many items of that page were yielded, `within`.
    """

    subject: QueryFingerprint
    offset: int = 0
    items: int = 0
    whole: bool = False
    tail: tuple[bytes, ...] = attrs.field(default=(), repr=False)
    loose: tuple[bytes, ...] = attrs.field(default=(), repr=False)
    moment: int | None = None
    cursor: str | None = None
    within: int = 0

    def text(self) -> str:
        """Return the token as a text of URL-safe characters."""
        fields = [
            FORMAT,
            [self.subject.host, self.subject.project, self.subject.query],
            self.offset,
            self.items,
            self.whole,
            len(self.tail),
            self.moment,
            self.cursor,
            self.within,
        ]
        said = json.dumps(fields, separators=(",", ":")).encode()
        body = b"\n".join((said, b"".join((*self.tail, *self.loose))))
        return base64.urlsafe_b64encode(_check(body) + body).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str, subject: QueryFingerprint) -> "Token":
        """Read a token of `subject`.

        Raises:
            CheckpointError: when it is damaged, of another version, host, project or query.
        """
        fields, digests = _fields(text)
        if fields[:1] != [FORMAT]:
            raise CheckpointError(
                "the resume token is of another version of this package; start over"
            )
        _, said, offset, items, whole, near, moment, cursor, within = fields
        if wrong := QueryFingerprint(*said).difference(subject):
            raise CheckpointError(
                f"the resume token belongs to another {wrong};"
                " resume the listing that it came from, or start over"
            )
        return cls(
            subject=subject,
            offset=offset,
            items=items,
            whole=whole,
            tail=digests[:near],
            loose=digests[near:],
            moment=moment,
            cursor=cursor,
            within=within,
        )


def _check(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=DIGEST_BYTES).digest()


def _fields(text: str) -> tuple[list[Any], tuple[bytes, ...]]:
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        check, body = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
        said, _, joined = body.partition(b"\n")
        fields: object = json.loads(said) if check == _check(body) else None
    except (ValueError, TypeError):
        fields, joined = None, b""
    if not isinstance(fields, list):
        raise CheckpointError("the resume token is damaged; use the whole text, or start over")
    starts = range(0, len(joined), DIGEST_BYTES)
    return cast("list[object]", fields), tuple(
        joined[start : start + DIGEST_BYTES] for start in starts
    )
