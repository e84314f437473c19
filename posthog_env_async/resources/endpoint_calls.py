"""Calls of any endpoint below the project, by its path."""

from collections.abc import Mapping
from typing import Any, TypeVar, overload

from posthog_env_async.converter import DICT_ROWS, RowType, load
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import rows_of
from posthog_env_async.pagination import Listing, PageSize
from posthog_env_async.session import METHODS, Request, Response, Scopes, quoted_path

from .project_scope import ProjectScope, query_text

__all__ = ["EndpointCalls"]

T = TypeVar("T")


class EndpointCalls:
    """What a client can do with endpoints that have no resource of their own."""

    _project: ProjectScope

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        scope: str | Scopes | None = None,
    ) -> Any:
        """Call any endpoint below the project and return its JSON, `None` for an empty answer.

        `path` is relative (`"cohorts/"`) and is quoted; `params` without a value are left out.

        Raises:
            ConfigurationError: when the path could leave the project.
        """
        request = self._request(method, path, params=params, json=json, scope=scope)
        return await self._project.session.fetch(request, load if request.method == "GET" else _any)

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        scope: str | Scopes | None = None,
    ) -> Response:
        """Call any endpoint as `request` does, and return the response: status, headers, body.

        Raises:
            ConfigurationError: when the path could leave the project.
        """
        request = self._request(method, path, params=params, json=json, scope=scope)
        return (await self._project.session.fetch_response(request, bytes))[1]

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None,
        json: Any,
        scope: str | Scopes | None,
    ) -> Request:
        if method.upper() not in METHODS:
            raise ConfigurationError(f"method must be one of {', '.join(sorted(METHODS))}")
        return self._project.request(
            quoted_path(path),
            method=method.upper(),
            params=query_text(params),
            json=json,
            scope=(scope,) if isinstance(scope, str) else scope or (),
        )

    @overload
    def listing(
        self,
        path: str,
        *,
        model: None = None,
        scope: str | Scopes | None = None,
        page_size: PageSize = 100,
        offset: int = 0,
        max_items: int | None = None,
        prefetch: int = 0,
        **params: Any,
    ) -> Listing[dict[str, Any]]: ...

    @overload
    def listing(
        self,
        path: str,
        *,
        model: type[T],
        scope: str | Scopes | None = None,
        page_size: PageSize = 100,
        offset: int = 0,
        max_items: int | None = None,
        prefetch: int = 0,
        **params: Any,
    ) -> Listing[T]: ...

    def listing(
        self,
        path: str,
        *,
        model: type[Any] | None = None,
        scope: str | Scopes | None = None,
        page_size: PageSize = 100,
        offset: int = 0,
        max_items: int | None = None,
        prefetch: int = 0,
        **params: Any,
    ) -> Listing[Any]:
        """Return a listing over any limit/offset endpoint below the project.

        Items are plain dicts, or of `model`, an attrs class whose `extra` takes unknown fields.
        """
        request = self._request("GET", path, params=params, json=None, scope=scope)
        rows: RowType[Any] = DICT_ROWS if model is None else rows_of(model)
        return self._project.listing(
            request,
            rows,
            page_size=page_size,
            offset=offset,
            max_items=max_items,
            prefetch=prefetch,
        )


def _any(body: bytes) -> Any:
    return load(body) if body else None
