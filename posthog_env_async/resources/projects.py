"""Projects: list."""

import attrs

from posthog_env_async.models import PROJECT_ROWS, Project
from posthog_env_async.pagination import Listing, PageSize
from posthog_env_async.session import Request

from .project_scope import ProjectScope

__all__ = ["Projects"]


@attrs.frozen
class Projects:
    """The projects that the key can use (docs/server.md, Authentication); needs `project:read`."""

    _project: ProjectScope

    def list(
        self,
        *,
        page_size: PageSize = 100,
        offset: int = 0,
        max_items: int | None = None,
        prefetch: int = 0,
    ) -> Listing[Project]:
        """List the projects; a key that is scoped to some projects may not.

        See docs/server.md, Authentication.
        """
        return self._project.listing(
            Request(path="projects/", scope=("project:read",)),
            PROJECT_ROWS,
            page_size=page_size,
            offset=offset,
            max_items=max_items,
            prefetch=prefetch,
        )
