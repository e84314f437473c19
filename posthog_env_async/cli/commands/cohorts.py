"""`posthog-env cohorts`: list, get, and their persons."""

from typing import Annotated

from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.filters import DEFAULT_PAGING, Paging
from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.output.stream import Columns, show_answer, show_listing

from .persons.read import COLUMNS as PERSONS

__all__ = ["app", "get_cohort", "list_cohorts", "list_persons_of"]

COLUMNS = Columns(
    (
        ("id", lambda cohort: cohort.id),
        ("name", lambda cohort: cohort.name),
        ("persons", lambda cohort: cohort.count),
        ("static", lambda cohort: cohort.is_static),
        ("calculated", lambda cohort: cohort.last_calculation),
    ),
    wide={"static"},
)
EXAMPLES = """Examples:

  posthog-env cohorts list
  posthog-env cohorts get 12
  posthog-env cohorts persons 12 --max-items 100

All persons of a cohort, in a complete file: posthog-env export cohort 12"""
CohortID = Annotated[int, Parameter(help="The cohort's number, from cohorts list.")]

app = App(name="cohorts", help="Cohorts and their persons.", help_epilogue=EXAMPLES + EXIT_CODES)


@app.command(name="list")
async def list_cohorts(*, options: ClientOptions = DEFAULT_OPTIONS) -> int:
    """List the cohorts of a project."""
    return await show_listing(options, "cohort", COLUMNS, lambda env: env.cohorts.list())


@app.command(name="get")
async def get_cohort(id: CohortID, /, *, options: ClientOptions = DEFAULT_OPTIONS) -> int:
    """Get one cohort."""
    return await show_answer(options, COLUMNS, lambda env: env.cohorts.get(id))


@app.command(name="persons")
async def list_persons_of(
    id: CohortID,
    /,
    *,
    paging: Paging = DEFAULT_PAGING,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """List the persons of a cohort."""
    chosen = paging.settings()
    return await show_listing(
        options, "person", PERSONS, lambda env: env.cohorts.persons(id, **chosen)
    )
