"""What a listing reads: the session, the call, and how its rows are read."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import attrs

from posthog_env_async.converter import RowType
from posthog_env_async.session import Request, Session

from .resume_token import QueryFingerprint, fingerprint_of

__all__ = ["CursorSource", "ListingSource", "Source"]

T = TypeVar("T")


@attrs.frozen
class ListingSource(Generic[T]):
    """What all listings read; `query` is what tells one from another where `params` do not."""

    session: Session = attrs.field(repr=False)
    call: Request
    rows: RowType[T] = attrs.field(repr=False)
    query: Mapping[str, str] | None = attrs.field(default=None, repr=False, kw_only=True)

    @property
    def subject(self) -> QueryFingerprint:
        """What is listed, as fingerprints."""
        query = self.call.params if self.query is None else self.query
        host, project = self.session.address.root, self.call.project or ""
        return fingerprint_of(host, project, self.call.path, query.items())


@attrs.frozen
class Source(ListingSource[T]):
    """What a listing by offset reads: the call without its window, `most` rows at once.

    `total` is the parameter that makes the server count (persons), `""` where it always does.
    """

    most: int
    total: str = ""


@attrs.frozen
class CursorSource(ListingSource[T]):
    """What a listing by cursor reads: the call, and its body for a page size and a cursor."""

    body: Callable[[int, str | None], Mapping[str, Any]] = attrs.field(repr=False)
