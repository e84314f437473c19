"""Where a resource's calls go: the session and the project."""

from typing import Any, TypeVar, cast

import attrs

from posthog_env_async.converter import RowType, as_mapping, dump, load
from posthog_env_async.errors import ResponseDecodeError
from posthog_env_async.pagination import Listing, PageSize, Source
from posthog_env_async.session import Request, Session, project_text

__all__ = ["MOST_ROWS", "ProjectScope", "is_text", "read_rows"]

T = TypeVar("T")

MOST_ROWS = 10_000


def is_text(value: object) -> bool:
    """Whether a value is text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def read_rows(body: bytes, rows: RowType[T], *names: str) -> tuple[T, ...]:
    """Return all rows of an answer that is a bare list, or an object with one.

    The list is under `results` or the first of `names` that is there.

    Raises:
        ResponseDecodeError: when it is neither.
    """
    answer: object = load(body)
    found = answer
    if isinstance(answer, dict):
        fields = as_mapping(cast("object", answer))
        found = next((fields[name] for name in ("results", *names) if name in fields), None)
    if not isinstance(found, list):
        raise ResponseDecodeError("the answer does not fit: expected a list @ $.results")
    return tuple(rows.read(dump(row)) for row in cast("list[object]", found))


@attrs.frozen
class ProjectScope:
    """A session and a project in it; the project is checked when it is needed."""

    session: Session = attrs.field(repr=False)
    project_id: int | str | None

    def request(self, path: str, **fields: Any) -> Request:
        """Describe a call below the project."""
        return Request(path=path, project=project_text(self.project_id), **fields)

    def listing(
        self,
        request: Request,
        rows: RowType[T],
        *,
        page_size: PageSize,
        offset: int,
        max_items: int | None,
        prefetch: int,
        total: str = "",
    ) -> Listing[T]:
        """Return a listing of a call whose pages go by offset."""
        source = Source(self.session, request, rows, MOST_ROWS, total)
        return Listing(source, page_size, offset, max_items, prefetch)
