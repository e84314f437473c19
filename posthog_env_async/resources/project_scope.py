"""Where a resource's requests go: the session and the project."""

from collections.abc import Mapping
from typing import Any, TypedDict, TypeVar, Unpack, cast

import attrs

from posthog_env_async.converter import RowType, as_mapping, dump, load
from posthog_env_async.errors import ConfigurationError, ResponseDecodeError
from posthog_env_async.pagination import Listing, PageSize, Source
from posthog_env_async.session import Request, Session, project_text

__all__ = ["Paging", "ProjectScope", "is_text", "query_text", "read_rows"]

T = TypeVar("T")

MAX_PAGE_SIZE = 10_000


class Paging(TypedDict, total=False):
    """How a listing is paged: the fields of `Listing`; `page_size` is 100 where it is left out."""

    page_size: PageSize
    offset: int
    max_items: int | None
    prefetch: int


def is_text(value: object) -> bool:
    """Whether a value is text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def query_text(params: Mapping[str, Any] | None) -> dict[str, str]:
    """Return query parameters as texts, without those that are `None`."""
    written = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in (params or {}).items()
        if value is not None
    }
    for name in ("personal_api_key", "token", "api_key"):
        if name in written:
            raise ConfigurationError(f"no {name} in the query: the key goes in a header only")
    for name, text in written.items():
        if any("\ud800" <= letter <= "\udfff" for letter in f"{name}{text}"):
            raise ConfigurationError("a query parameter holds half a character (a lone surrogate)")
    return written


def read_rows(body: bytes, rows: RowType[T], *names: str) -> tuple[T, ...]:
    """Return all rows of an answer that is a bare list, or an object with one.

    The list is under `results` or the first of `names` that is there.

    Raises:
        ResponseDecodeError: when it is neither.
    """
    answer: object = load(body)
    items = answer
    if isinstance(answer, dict):
        fields = as_mapping(cast("object", answer))
        items = next((fields[name] for name in ("results", *names) if name in fields), None)
    if not isinstance(items, list):
        raise ResponseDecodeError("the answer does not fit: expected a list @ $.results")
    return tuple(rows.read(dump(row)) for row in cast("list[object]", items))


@attrs.frozen
class ProjectScope:
    """A session and a project in it, as text; `None` is refused when it is needed."""

    session: Session = attrs.field(repr=False)
    project: str | None

    def request(self, path: str, **fields: Any) -> Request:
        """Describe a request below the project."""
        return Request(path=path, project=self.project or project_text(None), **fields)

    def listing(
        self, request: Request, rows: RowType[T], *, total: str = "", **paging: Unpack[Paging]
    ) -> Listing[T]:
        """Return a listing of a request whose pages go by offset.

        `total` is the parameter that makes the server count, `""` where it always does.
        """
        paging.setdefault("page_size", 100)
        return Listing(Source(self.session, request, rows, MAX_PAGE_SIZE, total), **paging)
