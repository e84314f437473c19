"""The list of projects and the key's own record (docs/server.md, Authentication)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from posthog_env_async.testing.data.hashing import mix
from posthog_env_async.testing.http.errors import permission_denied
from posthog_env_async.testing.http.pages import standard_page
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import Response, json_answer
from posthog_env_async.testing.server_state import Installation, Project

__all__ = ["ORGANIZATION", "get_key", "get_project", "list_projects"]

ORGANIZATION = "01900000-0000-4000-8000-00000000feed"
ONLY_PROJECT_BASED = "API keys with scoped projects are only supported on project-based endpoints."


async def list_projects(site: Installation, call: Request) -> Response:
    """Answer the projects; a key scoped to projects is refused here."""
    if call.key.scoped_teams:
        raise permission_denied(ONLY_PROJECT_BASED)
    return standard_page(call, [_row(site.projects[number]) for number in sorted(site.projects)])


async def get_project(site: Installation, call: Request) -> Response:
    """Answer one project."""
    return json_answer(_row(site.projects[call.project]))


async def get_key(site: Installation, call: Request) -> Response:
    """Answer the record of the key in use."""
    return json_answer(call.key.record())


def _row(project: Project) -> dict[str, Any]:
    salt = mix(project.id, 1)
    return {
        "id": project.id,
        "uuid": str(UUID(int=(salt << 64) | mix(salt, 2), version=4)),
        "organization": ORGANIZATION,
        "api_token": f"phc_fake{project.id}",
        "name": project.name,
        "completed_snippet_onboarding": True,
        "has_completed_onboarding_for": None,
        "ingested_event": len(project.population) > 0,
        "is_demo": False,
        "timezone": "UTC",
        "access_control": False,
    }
