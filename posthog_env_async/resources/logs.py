"""Logs: query, and what the server counts and knows of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, Unpack

import attrs

from posthog_env_async.converter import RowType, as_mapping, dump, load
from posthog_env_async.errors import ConfigurationError, ResponseDecodeError
from posthog_env_async.models import (
    ATTRIBUTE_ROWS,
    ATTRIBUTE_VALUE_ROWS,
    BUCKET_ROWS,
    LOG_ROWS,
    SERVICE_ROWS,
    LogAttribute,
    LogAttributeValue,
    LogBucket,
    LogEntry,
    LogLevel,
    LogService,
    PropertyFilter,
)
from posthog_env_async.pagination import (
    CursorListing,
    CursorSource,
    checked_numbers,
    checked_page_size,
)
from posthog_env_async.session import RetrySafety

from .log_dates import Date
from .log_filters import LogFilters, query_fields
from .project_scope import ProjectScope, is_text, read_rows

__all__ = ["Logs"]

T = TypeVar("T")

PATH = "logs/query/"
SCOPE = (("logs:read", "error_tracking:read"),)
SIBLING_SCOPE = ("logs:read",)
MAX_PAGE_SIZE = 2000
ORDERS = ("latest", "earliest")
ATTRIBUTES_AT_ONCE = 100
AVAILABILITY = "Servers from late 2025 on have logs."


@attrs.frozen
class Logs:
    """The logs of a project (docs/server.md, Logs).

    They need the scope `logs:read`; `query` on older servers `error_tracking:read` instead.
    """

    _project: ProjectScope

    def query(
        self,
        *,
        date_from: Date = "-1h",
        date_to: Date | None = None,
        severity_levels: Sequence[LogLevel] = (),
        service_names: Sequence[str] = (),
        search_term: str | None = None,
        filters: Sequence[PropertyFilter] = (),
        order_by: Literal["latest", "earliest"] = "latest",
        page_size: int = 1000,
        max_items: int | None = None,
    ) -> CursorListing[LogEntry]:
        """Query log entries, paged by the server's cursor.

        Dates are `datetime`s (without a zone: UTC), `date`s or ISO texts of one, which mean whole
        days in UTC, the last one included, or relative texts such as `"-6h"` or `"-7d"`; they are
        made absolute here and now, so that every page asks for the same range. `date_to` is now
        when left out. Filters are ANDed and of type `log` (its key is `message`), `log_attribute`
        or `log_resource_attribute`. `page_size` is 1 to 2,000.

        Raises:
            ConfigurationError: for a value that the server would answer with 500 or misread, such
                as a `date_from` that is later than `date_to`.
        """
        if order_by not in ORDERS:
            raise ConfigurationError("order_by must be 'latest' or 'earliest'")
        checked_page_size(page_size, MAX_PAGE_SIZE)
        checked_numbers(max_items=max_items)
        fields = query_fields(
            date_from=date_from,
            date_to=date_to,
            severity_levels=severity_levels,
            service_names=service_names,
            search_term=search_term,
            filters=filters,
        )
        query = {**fields, "orderBy": order_by}
        request = self._project.request(
            PATH, method="POST", scope=SCOPE, retry=RetrySafety.SAFE, availability=AVAILABILITY
        )
        text = {"query": dump(query).decode()}
        source = CursorSource(self._project.session, request, LOG_ROWS, _bodies(query), query=text)
        return CursorListing(source, page_size, max_items)

    async def count(self, **filters: Unpack[LogFilters]) -> int:
        """Count entries; the filters are those of `query`, by default the last hour.

        Raises:
            ConfigurationError: as `query`.
        """
        return await self._post("logs/count/", filters, _count)

    async def sparkline(self, **filters: Unpack[LogFilters]) -> tuple[LogBucket, ...]:
        """Count entries over time: buckets in order, one for each severity that is in one."""
        return await self._post("logs/sparkline/", filters, _buckets)

    async def services(self, **filters: Unpack[LogFilters]) -> tuple[LogService, ...]:
        """Return the services that logged, 25 at most."""
        return await self._post("logs/services/", filters, _services)

    async def attributes(
        self,
        *,
        search: str | None = None,
        attribute_type: Literal["log", "resource"] = "log",
        max_items: int | None = None,
        **filters: Unpack[LogFilters],
    ) -> tuple[LogAttribute, ...]:
        """Return the attributes that entries have; `search` finds a part of the name.

        The server narrows them by dates, services and `filters`, newer ones also by the others.
        """
        _check_type(attribute_type)
        checked_numbers(max_items=max_items)
        params = {**_params(filters), "attribute_type": attribute_type}
        if search is not None:
            params["search"] = search
        attributes, most = dict[str, LogAttribute](), 1 << 62 if max_items is None else max_items
        while len(attributes) < most:
            window = {"limit": str(ATTRIBUTES_AT_ONCE), "offset": str(len(attributes))}
            page = await self._get("logs/attributes/", {**params, **window}, ATTRIBUTE_ROWS)
            new = {each.name: each for each in page if each.name not in attributes}
            attributes |= new
            if len(page) < ATTRIBUTES_AT_ONCE or not new:
                break
        return tuple(attributes.values())[:max_items]

    async def attribute_values(
        self,
        key: str,
        *,
        search: str | None = None,
        attribute_type: Literal["log", "resource"] | None = None,
        **filters: Unpack[LogFilters],
    ) -> tuple[LogAttributeValue, ...]:
        """Return the values of an attribute, with counts where the server has them."""
        if not is_text(key):
            raise ConfigurationError("key must be the name of an attribute")
        params = {**_params(filters), "key": key}
        if attribute_type is not None:
            params["attribute_type"] = _check_type(attribute_type)
        if search is not None:
            params["value"] = search
        return await self._get("logs/values/", params, ATTRIBUTE_VALUE_ROWS)

    async def has_logs(self) -> bool:
        """Tell whether the project has any logs at all."""
        request = self._project.request(
            "logs/has_logs/", scope=SIBLING_SCOPE, availability=AVAILABILITY
        )
        return await self._project.session.fetch(request, _has_logs)

    async def _post(self, path: str, filters: LogFilters, decode: Callable[[bytes], T]) -> T:
        request = self._project.request(
            path,
            method="POST",
            json={"query": query_fields(**filters)},
            scope=SIBLING_SCOPE,
            retry=RetrySafety.SAFE,
            availability=AVAILABILITY,
        )
        return await self._project.session.fetch(request, decode)

    async def _get(self, path: str, params: Mapping[str, str], rows: RowType[T]) -> tuple[T, ...]:
        request = self._project.request(
            path, params=params, scope=SIBLING_SCOPE, availability=AVAILABILITY
        )
        return await self._project.session.fetch(request, lambda body: read_rows(body, rows))


def _bodies(query: Mapping[str, Any]) -> Callable[[int, str | None], Mapping[str, Any]]:
    def body(page_size: int, cursor: str | None) -> Mapping[str, Any]:
        after = {} if cursor is None else {"after": cursor}
        return {"query": {**query, "limit": page_size, **after}}

    return body


def _params(filters: LogFilters) -> dict[str, str]:
    """Return the filters of a GET: texts as they are, all else as JSON."""
    fields = query_fields(**filters)
    empty = {"severityLevels", "serviceNames"}
    return {
        name: value if isinstance(value, str) else dump(value).decode()
        for name, value in fields.items()
        if value or name not in empty
    }


def _check_type(attribute_type: str) -> str:
    if attribute_type not in ("log", "resource"):
        raise ConfigurationError("attribute_type must be 'log' or 'resource'")
    return attribute_type


def _count(body: bytes) -> int:
    count = as_mapping(load(body)).get("count")
    if isinstance(count, bool) or not isinstance(count, int):
        raise ResponseDecodeError("the answer does not fit: expected int @ $.count")
    return count


def _has_logs(body: bytes) -> bool:
    has_logs = as_mapping(load(body)).get("hasLogs")
    if not isinstance(has_logs, bool):
        raise ResponseDecodeError("the answer does not fit: expected bool @ $.hasLogs")
    return has_logs


def _buckets(body: bytes) -> tuple[LogBucket, ...]:
    return read_rows(body, _renamed(BUCKET_ROWS, time=("timestamp", "bucket", "date")), "buckets")


def _services(body: bytes) -> tuple[LogService, ...]:
    names = {"name": ("service_name", "service", "value"), "count": ("log_count", "total")}
    return read_rows(body, _renamed(SERVICE_ROWS, **names), "services")


def _renamed(rows: RowType[T], **names: tuple[str, ...]) -> RowType[T]:
    """Read rows whose fields have one of several names: servers differ."""

    def decode_row(text: Any) -> Any:
        row = dict(as_mapping(load(text)))
        for name, others in names.items():
            other = next((each for each in others if each in row), None)
            if name not in row and other is not None:
                row[name] = row.pop(other)
        return rows.decode_row(dump(row))

    return attrs.evolve(rows, decode_row=decode_row)
