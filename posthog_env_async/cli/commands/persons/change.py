"""`posthog-env persons update`, `set`, `unset`, `split`: changes that the server makes later."""

import json
from typing import Annotated, Any

from cyclopts import Parameter

from posthog_env_async.cli.options.connection import OTHER_WAIT_OPTIONS, OtherWaitOptions
from posthog_env_async.cli.options.parsing import seconds_of
from posthog_env_async.cli.output.console import print_message
from posthog_env_async.cli.output.exit_codes import INCOMPLETE, OK
from posthog_env_async.errors import ConfigurationError

__all__ = [
    "SET_EXAMPLES",
    "SPLIT_EXAMPLES",
    "UNSET_EXAMPLES",
    "UPDATE_EXAMPLES",
    "set_property",
    "split_person",
    "unset_property",
    "update_person",
]

PersonID = Annotated[str, Parameter(help="The person's UUID or number.")]
Wait = Annotated[
    str | None,
    Parameter(
        help="Read the person for so long, as in 10s, until the change shows; exit code 3 when it"
        " does not."
    ),
]
UPDATE_EXAMPLES = """Examples:

  posthog-env persons update 018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01 plan=scale seats=12 --wait 10

A value that is JSON is taken as such: 12, true, null, {"a": 1}; all else is text."""
SET_EXAMPLES = """Examples:

  posthog-env persons set 018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01 plan scale
  posthog-env persons set 4711 seats 12 --wait 10"""
UNSET_EXAMPLES = """Examples:

  posthog-env persons unset 4711 plan"""
SPLIT_EXAMPLES = """Examples:

  posthog-env persons split 4711 --distinct-id user-18 --distinct-id user-19
  posthog-env persons split 4711 --main-distinct-id user-17

Splitting off the id that a person was created with does nothing, and blanks the person's row in
lists. No answer of the server says which id that is: split off ids that came later."""
ACCEPTED = "accepted; the server makes the change later (--wait 10 looks whether it shows)"


async def update_person(
    id: PersonID,
    /,
    *properties: Annotated[str, Parameter(help="KEY=VALUE, one or more.")],
    wait: Wait = None,
    options: OtherWaitOptions = OTHER_WAIT_OPTIONS,
) -> int:
    """Set properties of a person; the others stay as they are."""
    fields = dict(map(_property, properties))
    if not fields:
        raise ConfigurationError("give properties as KEY=VALUE")
    async with options.client() as env:
        return _report(await env.persons.update(id, fields, wait=_seconds(wait)), options)


async def set_property(
    id: PersonID,
    key: Annotated[str, Parameter(help="The property's name.")],
    value: Annotated[str, Parameter(help="JSON, or text.", allow_leading_hyphen=True)],
    /,
    *,
    wait: Wait = None,
    options: OtherWaitOptions = OTHER_WAIT_OPTIONS,
) -> int:
    """Set one property of a person."""
    async with options.client() as env:
        shows = await env.persons.set_property(id, key, _value(value), wait=_seconds(wait))
        return _report(shows, options)


async def unset_property(
    id: PersonID,
    key: Annotated[str, Parameter(help="The property's name.")],
    /,
    *,
    wait: Wait = None,
    options: OtherWaitOptions = OTHER_WAIT_OPTIONS,
) -> int:
    """Remove one property of a person."""
    async with options.client() as env:
        return _report(await env.persons.unset_property(id, key, wait=_seconds(wait)), options)


async def split_person(
    id: PersonID,
    /,
    *,
    main_distinct_id: Annotated[
        str | None, Parameter(help="The one id to keep; all others become persons of their own.")
    ] = None,
    distinct_id: Annotated[
        tuple[str, ...],
        Parameter(help="An id to split off; may be repeated."),
    ] = (),
    wait: Wait = None,
    options: OtherWaitOptions = OTHER_WAIT_OPTIONS,
) -> int:
    """Split a person: make persons of their own of some of its distinct ids."""
    async with options.client() as env:
        shows = await env.persons.split(
            id,
            main_distinct_id=main_distinct_id,
            distinct_ids=distinct_id or None,
            wait=_seconds(wait),
        )
    return _report(shows, options)


def _report(shows: bool | None, options: OtherWaitOptions) -> int:
    if shows is False:
        print_message("accepted, but the change does not show yet", style="yellow")
        return INCOMPLETE
    if not options.quiet:
        print_message(ACCEPTED if shows is None else "done: the change shows")
    return OK


def _seconds(wait: str | None) -> float | None:
    return seconds_of(wait, "--wait")


def _property(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigurationError("a property is given as KEY=VALUE")
    return key, _value(value)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
