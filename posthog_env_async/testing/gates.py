"""The gates before an endpoint: prefix, renderer, key, scope, throttle."""

from __future__ import annotations

import attrs

from posthog_env_async.testing.http.errors import endpoint_not_found, method_not_allowed
from posthog_env_async.testing.http.negotiation import negotiate
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import RefusedError, Response

from .routes import Route, find_route
from .server_state import Installation, Settings

__all__ = ["answer_call", "is_served"]


def is_served(route: Route, prefix: str, settings: Settings) -> bool:
    """Tell whether this server has the route under a prefix (docs/server.md, Prefixes)."""
    if route.feature == "projects":
        return prefix == "projects"
    if route.feature == "folders" and not settings.folders:
        return False
    if route.feature in ("home_folder", "logs") and settings.version == "old":
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
        site.projects[call.project].actions.pending.apply()
        call.key.require_project(call.project)
    endpoint = route.methods.get(call.method)
    if endpoint is not None:
        call.key.require(endpoint.required(site.settings))
    site.throttles.admit((endpoint and endpoint.throttle) or route.throttle, call.key)
    if endpoint is None:
        raise method_not_allowed(call.method)
    return await endpoint.handler(site, call)
