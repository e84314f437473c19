"""Which rows a page's `next` leads to (docs/server.md, Paging)."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs

from posthog_env_async.errors import PaginationError
from posthog_env_async.session import Request

__all__ = ["NextLinks"]

PREFIXES = ("projects", "environments")
MOST_DIGITS = 18


@attrs.define
class NextLinks:
    """Reads the links of pages that answer one call."""

    call: Request
    _around: tuple[str, str] | None = attrs.field(default=None, init=False)

    def offset(self, link: str) -> int:
        """Return the offset that a link names; -1 when it leads to another listing.

        Links that differ from a checked one by their offset alone are not taken apart again.

        Raises:
            PaginationError: when it names no offset.
        """
        if self._around is not None:
            before, after = self._around
            number = link[len(before) : len(link) - len(after)]
            is_alike = link.startswith(before) and link.endswith(after)
            is_number = number.isascii() and number.isdecimal() and len(number) <= MOST_DIGITS
            if is_alike and is_number:
                return int(number)
        end = _end(link, self.call)
        before, _, after = link.rpartition(f"offset={end}")
        is_plain = before.endswith(("?", "&")) and after[:1] in {"", "&"} and "#" not in link
        self._around = (f"{before}offset=", after) if is_plain and "offset=" not in before else None
        return end


def _end(link: str, call: Request) -> int:
    try:
        parts = urlsplit(link)
        query = parse_qs(parts.query, keep_blank_values=True)
        end: int | None = int(query["offset"][0])
    except (ValueError, KeyError):
        parts, query, end = urlsplit(""), {}, None
    if end is None:
        raise PaginationError(
            "the page's next names no offset: this endpoint does not page by offset"
        )
    return end if _same_project(parts.path, call) and _same_query(query, call) else -1


def _same_project(path: str, call: Request) -> bool:
    parts = path.split("/")
    named = [name for prefix, name in pairwise(parts) if prefix in PREFIXES]
    numbers = [name for name in named if name.isdigit()]
    return (
        not numbers or call.project is None or not call.project.isdigit() or call.project in numbers
    )


def _same_query(query: Mapping[str, list[str]], call: Request) -> bool:
    said: dict[str, Any] = {name: values[0] for name, values in query.items()}
    return all(said.get(name, value) == value for name, value in call.params.items())
