"""`posthog-env persons delete` and `deletions`."""

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.deletion import PERSONS_ALONE, DeletionSwitches
from posthog_env_async.cli.output.console import confirm, json_of, print_message, write_line
from posthog_env_async.cli.output.exit_codes import FAILED, OK, USAGE
from posthog_env_async.cli.output.stream import Columns, show_listing
from posthog_env_async.cli.output.wording import counted
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import DeletionSummary

__all__ = [
    "DELETE_EXAMPLES",
    "DELETIONS_EXAMPLES",
    "delete_persons",
    "list_deletions",
]

DELETE_EXAMPLES = """Examples:

  posthog-env persons delete 018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01 --events
  posthog-env persons delete --distinct-id user-17 --distinct-id user-18 --yes

For many persons, with a record of what became of each: posthog-env erase persons"""
DELETIONS_EXAMPLES = """Examples:

  posthog-env persons deletions --status pending"""
COLUMNS = Columns(
    (
        ("uuid", lambda deletion: deletion.person_uuid),
        ("status", lambda deletion: deletion.status),
        ("created", lambda deletion: deletion.created_at),
        ("verified", lambda deletion: deletion.delete_verified_at),
    ),
    wide={"verified"},
)


async def delete_persons(
    *uuids: Annotated[str, Parameter(help="UUIDs of persons.")],
    distinct_id: Annotated[
        tuple[str, ...],
        Parameter(help="Instead of UUIDs; may be repeated."),
    ] = (),
    switches: DeletionSwitches = PERSONS_ALONE,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Delete persons, and their events and recordings if so wanted. It cannot be undone."""
    if bool(uuids) == bool(distinct_id):
        raise ConfigurationError("name persons by UUID, or by --distinct-id")
    ids: dict[str, Any] = {"uuids": uuids} if uuids else {"distinct_ids": distinct_id}
    many = counted(len(uuids or distinct_id), "person")
    async with options.client() as env:
        what = f"this deletes, of {many} in project {env.project_id}: {switches.described()}"
        if not await confirm(what, "delete", yes=yes):
            print_message("nothing was deleted")
            return USAGE
        summary = await env.persons.delete_many(**ids, **switches.fields())
    write_line(json_of(summary))
    if not options.quiet:
        print_message(_described(summary))
    return FAILED if summary.errors else OK


async def list_deletions(
    *,
    status: Annotated[
        Literal["pending", "completed", "all"], Parameter(help="Which deletions.")
    ] = "all",
    person_uuid: Annotated[str | None, Parameter(help="Of one person.")] = None,
    max_items: Annotated[int | None, Parameter(help="Stop after this many.")] = None,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """List the deletions of persons' events, and whether the server has verified them."""
    return await show_listing(
        options,
        "deletion",
        COLUMNS,
        lambda env: env.persons.deletions(
            status=status, person_uuid=person_uuid, max_items=max_items
        ),
    )


def _described(summary: DeletionSummary) -> str:
    counts = (
        ("found", summary.found),
        ("deleted", summary.deleted),
        ("queued", summary.queued),
    )
    parts = [f"{number:,} {name}" for name, number in counts if number is not None]
    if summary.events_queued is not None:
        parts.append(f"events {'queued' if summary.events_queued else 'not queued'}")
    if summary.errors:
        parts.append(f"{len(summary.errors):,} NOT deleted")
    return " · ".join(parts) or "the server accepted it, and does not say more"
