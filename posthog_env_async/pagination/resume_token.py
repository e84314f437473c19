"""The text that says where a listing stands, exact to the item."""

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Any, cast

import attrs

from posthog_env_async.errors import CheckpointError

__all__ = ["DIGEST_BYTES", "QueryFingerprint", "Token", "digest", "fingerprint_of", "mark"]

FORMAT = 3
DIGEST_BYTES = 6
MARK_BYTES = DIGEST_BYTES + 2
UNTIMED = b"\0\0"


def digest(key: str) -> bytes:
    """Return a short stand-in for a row's key."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


def mark(key: str, created: int | None, *, is_timed: bool) -> bytes:
    """Return the digest of a row's key and, in two bytes, of its time if that is known."""
    return digest(key) + (_time_mark(created) if is_timed else UNTIMED)


def _time_mark(created: int | None) -> bytes:
    return hashlib.blake2b(str(created).encode(), digest_size=2).digest()


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
    """A place in a listing: what the argument of docs/design.md needs to go on from there.

    `offset` is where the next window begins; `first` where the listing did. `tail` are marks of the
    rows handed out last, the last one first, each with the time that it showed, so that one of them
    proves that nothing was skipped. `handed` are digests of other rows that were handed out and may
    come again, as those of a page that is not done with; `passed` of some that lie in front by now.
    All together are all that was handed out when `whole`; if not, those without a name are not
    older than `front`. None is older than `deepest`, and `frontier` is when the rows next to the
    offset were created, all in milliseconds. `unsure` says that something was not proven before,
    `wary` that the server was seen to drop rows or to deny some that it has. A listing by cursor
    keeps its `cursor`.
    """

    subject: QueryFingerprint
    offset: int = 0
    first: int = 0
    items: int = 0
    whole: bool = False
    tail: tuple[bytes, ...] = attrs.field(default=(), repr=False)
    handed: tuple[bytes, ...] = attrs.field(default=(), repr=False)
    passed: tuple[bytes, ...] = attrs.field(default=(), repr=False)
    frontier: int | None = None
    front: int | None = None
    deepest: int | None = None
    unsure: bool = False
    wary: bool = False
    cursor: str | None = None

    def text(self) -> str:
        """Return the token as a text of URL-safe characters."""
        fields = [
            FORMAT,
            [self.subject.host, self.subject.project, self.subject.query],
            self.offset,
            self.first,
            self.items,
            self.whole,
            len(self.tail),
            len(self.handed),
            self.frontier,
            self.front,
            self.deepest,
            self.unsure,
            self.wary,
            self.cursor,
        ]
        header = json.dumps(fields, separators=(",", ":")).encode()
        body = b"\n".join((header, b"".join((*self.tail, *self.handed, *self.passed))))
        return base64.urlsafe_b64encode(_check(body) + body).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str, subject: QueryFingerprint) -> "Token":
        """Read a token of `subject`.

        Raises:
            CheckpointError: when it is damaged, of another version, host, project or query.
        """
        fields, marks = _fields(text)
        if fields[:1] != [FORMAT]:
            raise CheckpointError(
                "the resume token is of another version of this package; start over"
            )
        _, named, offset, first, items, whole, timed, untimed = fields[:8]
        frontier, front, deepest, unsure, wary, cursor = fields[8:]
        names = _cut(marks[timed * MARK_BYTES :], DIGEST_BYTES)
        if difference := QueryFingerprint(*named).difference(subject):
            raise CheckpointError(
                f"the resume token belongs to another {difference};"
                " resume the listing that it came from, or start over"
            )
        return cls(
            subject=subject,
            offset=offset,
            first=first,
            items=items,
            whole=whole,
            tail=_cut(marks[: timed * MARK_BYTES], MARK_BYTES),
            handed=names[:untimed],
            passed=names[untimed:],
            frontier=frontier,
            front=front,
            deepest=deepest,
            unsure=unsure,
            wary=wary,
            cursor=cursor,
        )


def _check(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=DIGEST_BYTES).digest()


def _cut(text: bytes, size: int) -> tuple[bytes, ...]:
    return tuple([text[start : start + size] for start in range(0, len(text), size)])


def _fields(text: str) -> tuple[list[Any], bytes]:
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        check, body = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
        header, _, marks = body.partition(b"\n")
        fields: object = json.loads(header) if check == _check(body) else None
    except (ValueError, TypeError):
        fields, marks = None, b""
    if not isinstance(fields, list):
        raise CheckpointError("the resume token is damaged; use the whole text, or start over")
    return cast("list[object]", fields), marks
