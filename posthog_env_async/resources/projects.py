"""Projects: list."""

from typing import Unpack

import attrs

from posthog_env_async.models import PROJECT_ROWS, Project
from posthog_env_async.pagination import Listing
from posthog_env_async.session import Request

from .project_scope import Paging, ProjectScope

__all__ = ["Projects"]


@attrs.frozen
class Projects:
    """The projects that the key can use (docs/server.md, Authentication); needs `project:read`."""

    _project: ProjectScope

    def list(self, **paging: Unpack[Paging]) -> Listing[Project]:
        """List the projects; a key that is scoped to some projects may not.

        `page_size` (100), `offset`, `max_items` and `prefetch` are those of `persons.list`. See
        docs/server.md, Authentication.
        """
        request = Request(path="projects/", scope=("project:read",))
        return self._project.listing(request, PROJECT_ROWS, **paging)
