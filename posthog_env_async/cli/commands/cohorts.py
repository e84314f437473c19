"""`posthog-env cohorts`: list, get, and their persons."""

from typing import Annotated

from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.help import epilogue
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.options.persons import DEFAULT_PAGING, Paging
from posthog_env_async.cli.output.stream import Columns, print_listing, print_models

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

app = App(name="cohorts", help="Cohorts and their persons.", help_epilogue=epilogue(EXAMPLES))


@app.command(name="list")
async def list_cohorts(
    *, output: OutputOptions = DEFAULT_OUTPUT, connection: Connection = DEFAULT_CONNECTION
) -> int:
    """List the cohorts of a project."""
    async with connection.client(output) as env:
        return await print_listing(env.cohorts.list(), "cohort", COLUMNS, output)


@app.command(name="get")
async def get_cohort(
    id: CohortID,
    /,
    *,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Get one cohort."""
    async with connection.client(output) as env:
        cohort = await env.cohorts.get(id)
    return print_models([cohort], COLUMNS, output)


@app.command(name="persons")
async def list_persons_of(
    id: CohortID,
    /,
    *,
    paging: Paging = DEFAULT_PAGING,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """List the persons of a cohort."""
    async with connection.client(output) as env:
        listing = env.cohorts.persons(id, **paging.settings())
        return await print_listing(listing, "person", PERSONS, output)
