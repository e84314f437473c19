"""Which endpoint a request means, and the gates before it: prefix, key, scope, throttle."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import unquote

import attrs

from posthog_env_async.testing.endpoints.folders import (
    create_folder,
    delete_folder,
    get_folder,
    list_folders,
    replace_folder,
    update_folder,
)
from posthog_env_async.testing.endpoints.logs import query_logs
from posthog_env_async.testing.endpoints.max_tools import create_insight
from posthog_env_async.testing.endpoints.persons import (
    create_person,
    delete_person,
    get_person,
    list_persons,
)
from posthog_env_async.testing.endpoints.projects import get_key, get_project, list_projects
from posthog_env_async.testing.http.errors import endpoint_not_found, method_not_allowed
from posthog_env_async.testing.http.negotiation import negotiate
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import RefusedError, Response

from .server_state import Installation, Settings

__all__ = ["Endpoint", "Route", "answer_call", "find_route", "is_served"]

Handler = Callable[[Installation, Request], Awaitable[Response]]
PROJECT_PATH = re.compile(r"/api/(?P<prefix>environments|projects)/(?P<project>[^/]+)/(?P<rest>.*)")


@attrs.frozen
class Endpoint:
    """Hold one method of a route."""

    handler: Handler
    scope: str = ""
    scopes: tuple[str, ...] = ()
    throttle: str = ""

    def required(self, settings: Settings) -> tuple[str, ...]:
        """Give the scopes that a key needs."""
        if self.scope == "logs":
            return ("logs:read",) if settings.version == "new" else ("error_tracking:read",)
        return self.scopes or ((self.scope,) if self.scope else ())


@attrs.frozen
class Route:
    """Hold one route: what follows the project, its methods, renderers and class of throttle."""

    pattern: str
    methods: Mapping[str, Endpoint]
    throttle: str = "default"
    renderers: tuple[str, ...] = ("json",)
    feature: str = ""


OTHER_ACTIONS = (
    "activity|batch_by_distinct_ids|batch_by_uuids|bulk_delete|cohorts|deletion_status"
    "|properties_at_time|reset_person_distinct_id|values"
)
FOLDER_READ, FOLDER_WRITE = "persisted_folder:read", "persisted_folder:write"
ROUTES = (
    Route(
        "persons",
        {"GET": Endpoint(list_persons, "person:read"), "POST": Endpoint(create_person)},
        throttle="persons",
        renderers=("json", "csv"),
    ),
    Route(
        rf"persons/(?P<item>(?!(?:{OTHER_ACTIONS})$)[^/]+)",
        {
            "GET": Endpoint(get_person, "person:read"),
            "DELETE": Endpoint(delete_person, "person:write", throttle="persons_delete"),
        },
        throttle="persons",
        renderers=("json", "csv"),
    ),
    Route(
        "persisted_folder",
        {"GET": Endpoint(list_folders, FOLDER_READ), "POST": Endpoint(create_folder, FOLDER_WRITE)},
        feature="folders",
    ),
    Route(
        r"persisted_folder/(?P<item>[^/]+)",
        {
            "GET": Endpoint(get_folder, FOLDER_READ),
            "PUT": Endpoint(replace_folder, FOLDER_WRITE),
            "PATCH": Endpoint(update_folder, FOLDER_WRITE),
            "DELETE": Endpoint(delete_folder, FOLDER_WRITE),
        },
        feature="folders",
    ),
    Route("logs/query", {"POST": Endpoint(query_logs, "logs")}),
    Route(
        "max_tools/create_and_query_insight",
        {"POST": Endpoint(create_insight, scopes=("insight:read", "query:read"))},
        throttle="max_tools",
        feature="max_tools",
    ),
    Route("", {"GET": Endpoint(get_project, "project:read")}, feature="projects"),
)
GLOBAL_ROUTES = (
    Route("/api/projects", {"GET": Endpoint(list_projects, "project:read")}),
    Route("/api/personal_api_keys/@current", {"GET": Endpoint(get_key)}),
)


def find_route(path: str) -> tuple[Route, re.Match[str] | None, str] | None:
    """Find the route of a path: with the match of its project, if it has one, and its item."""
    for route in GLOBAL_ROUTES:
        if path.removesuffix("/") == route.pattern:
            return route, None, ""
    project = PROJECT_PATH.fullmatch(path)
    if project is None:
        return None
    rest = project["rest"].removesuffix("/")
    for route in ROUTES:
        match = re.fullmatch(route.pattern, rest)
        if match is not None:
            return route, project, unquote(match.groupdict().get("item", ""))
    return None


def is_served(route: Route, prefix: str, settings: Settings) -> bool:
    """Tell whether this server has the route under a prefix (docs/server.md, Prefixes)."""
    if route.feature == "projects":
        return prefix == "projects"
    if route.feature == "folders" and not settings.folders:
        return False
    if route.feature == "max_tools" and not settings.max_tools:
        return False
    absent = {"projects_only": "environments", "environments_only": "projects"}
    return absent.get(settings.mode) != prefix


async def answer_call(site: Installation, call: Request) -> Response:
    """Answer a request."""
    found = find_route(call.routed)
    if found is None:
        return endpoint_not_found().answer
    route, project, call.item = found
    if project is None:
        return await _guarded(site, call, route, None)
    prefix = project["prefix"]
    if not is_served(route, prefix, site.settings):
        return endpoint_not_found().answer
    moved = prefix == "environments" and site.settings.mode in ("rewrite", "redirect")
    if not moved:
        return await _guarded(site, call, route, project["project"])
    call.path = f"/api/projects/{project['project']}/{project['rest']}"
    target = call.root + call.path + (f"?{call.query_text}" if call.query_text else "")
    if site.settings.mode == "redirect":
        return Response(307, headers={"Location": target})
    answer = await _guarded(site, call, route, project["project"])
    return attrs.evolve(answer, headers={**answer.headers, **_deprecation(site, target)})


def _deprecation(site: Installation, target: str) -> dict[str, str]:
    headers = {"Deprecation": "true", "Link": f'<{target}>; rel="successor-version"'}
    if site.settings.sunset is not None:
        headers["Sunset"] = site.settings.sunset
    return headers


async def _guarded(
    site: Installation, call: Request, route: Route, project: str | None
) -> Response:
    """Turn refusals into answers; under CSV an error has an empty body (docs/server.md, CSV)."""
    try:
        call.renderer = negotiate(call, route.renderers)
    except RefusedError as refusal:
        return refusal.answer
    try:
        return await _gated(site, call, route, project)
    except RefusedError as refusal:
        if call.renderer == "csv":
            return attrs.evolve(refusal.answer, body=b"", content_type=None)
        return refusal.answer


async def _gated(site: Installation, call: Request, route: Route, project: str | None) -> Response:
    call.key = site.keyring.authenticate(call.headers, call.query, call.body, call.origin)
    if project is not None:
        call.project = site.project(project, call.key).id
        call.key.require_project(call.project)
    endpoint = route.methods.get(call.method)
    if endpoint is not None:
        call.key.require(endpoint.required(site.settings))
    site.throttles.admit((endpoint and endpoint.throttle) or route.throttle, call.key)
    if endpoint is None:
        raise method_not_allowed(call.method)
    return await endpoint.handler(site, call)
