"""Cohorts: list, get, and their persons."""

from typing import Unpack

import attrs

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import COHORT_ROWS, PERSON_ROWS, Cohort, Person
from posthog_env_async.pagination import Listing

from .project_scope import Paging, ProjectScope

__all__ = ["Cohorts"]

PATH = "cohorts/"
SCOPE = ("cohort:read",)


@attrs.frozen
class Cohorts:
    """The cohorts of a project (docs/server.md, Cohorts); needs `cohort:read`."""

    _project: ProjectScope

    def list(self, **paging: Unpack[Paging]) -> Listing[Cohort]:
        """List the cohorts.

        `page_size` (100), `offset`, `max_items` and `prefetch` are those of `persons.list`.
        """
        request = self._project.request(PATH, scope=SCOPE)
        return self._project.listing(request, COHORT_ROWS, **paging)

    async def get(self, id: int | str) -> Cohort:
        """Get one cohort.

        Raises:
            NotFoundError: when the project has no such cohort.
        """
        request = self._project.request(f"{PATH}{_cohort_id(id)}/", scope=SCOPE)
        return await self._project.session.fetch(request, COHORT_ROWS.read)

    def persons(self, id: int | str, **paging: Unpack[Paging]) -> Listing[Person]:
        """List the persons of a cohort as `persons.list` does; needs `person:read` too.

        They come as completely, and `page_size` (1,000), `offset`, `max_items` and `prefetch` are
        the same. A cohort that the server recalculates meanwhile is
        another set: who joins or leaves may or may not be yielded.
        """
        paging.setdefault("page_size", 1000)
        path, scope = f"{PATH}{_cohort_id(id)}/persons/", (*SCOPE, "person:read")
        request = self._project.request(path, scope=scope, budget="persons")
        return self._project.listing(request, PERSON_ROWS, **paging)


def _cohort_id(id: int | str) -> str:
    text = str(id)
    if isinstance(id, bool) or not (text.isascii() and text.isdigit()):
        raise ConfigurationError("a cohort's id is a whole number")
    return str(int(text))
