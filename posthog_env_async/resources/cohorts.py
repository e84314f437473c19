"""Cohorts: list, get, and their persons."""

import attrs

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import COHORT_ROWS, PERSON_ROWS, Cohort, Person
from posthog_env_async.pagination import Listing, PageSize

from .project_scope import ProjectScope

__all__ = ["Cohorts"]

PATH = "cohorts/"
SCOPE = ("cohort:read",)


@attrs.frozen
class Cohorts:
    """The cohorts of a project (docs/server.md, Cohorts); needs `cohort:read`."""

    _project: ProjectScope

    def list(
        self,
        *,
        page_size: PageSize = 100,
        offset: int = 0,
        max_items: int | None = None,
        prefetch: int = 0,
    ) -> Listing[Cohort]:
        """List the cohorts."""
        return self._project.listing(
            self._project.request(PATH, scope=SCOPE),
            COHORT_ROWS,
            page_size=page_size,
            offset=offset,
            max_items=max_items,
            prefetch=prefetch,
        )

    async def get(self, id: int | str) -> Cohort:
        """Get one cohort.

        Raises:
            NotFoundError: when the project has no such cohort.
        """
        request = self._project.request(f"{PATH}{_cohort_id(id)}/", scope=SCOPE)
        return await self._project.session.fetch(request, COHORT_ROWS.read)

    def persons(
        self,
        id: int | str,
        *,
        page_size: PageSize = 1000,
        offset: int = 0,
        max_items: int | None = None,
        prefetch: int = 0,
    ) -> Listing[Person]:
        """List the persons of a cohort, as completely as `persons.list`; needs `person:read` too.

        A cohort that the server recalculates meanwhile is another set: who joins or leaves may or
        may not be yielded.
        """
        return self._project.listing(
            self._project.request(
                f"{PATH}{_cohort_id(id)}/persons/",
                scope=(*SCOPE, "person:read"),
                budget="persons",
            ),
            PERSON_ROWS,
            page_size=page_size,
            offset=offset,
            max_items=max_items,
            prefetch=prefetch,
        )


def _cohort_id(id: int | str) -> str:
    text = str(id)
    if isinstance(id, bool) or not (text.isascii() and text.isdigit()):
        raise ConfigurationError("a cohort's id is a whole number")
    return str(int(text))
