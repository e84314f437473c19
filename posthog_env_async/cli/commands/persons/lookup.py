"""`posthog-env persons lookup`: who has these ids or addresses."""

import csv
import io
from collections.abc import Callable
from contextlib import aclosing
from typing import Annotated, Any, Literal

import attrs
from cyclopts import Parameter

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.values import check_stdin, values_from
from posthog_env_async.cli.output.console import json_line, json_of, print_message, write_rows
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.models import Person

__all__ = ["EXAMPLES", "lookup_persons"]

EXAMPLES = """Examples:

  posthog-env persons lookup user-17 user-18
  posthog-env persons lookup --by email --from addresses.txt > found.ndjson
  posthog-env persons lookup --by uuid --from ids.csv --format csv > found.csv

A line of the result for each value, in their order; "found" is false where nobody has it."""
TITLES = ("value", "found", "uuid", "name", "email", "created_at", "distinct_ids")
BATCH = 500


async def lookup_persons(
    *values: Annotated[str, Parameter(help="What to look up.")],
    by: Annotated[
        Literal["distinct_id", "uuid", "email"], Parameter(help="What the values are.")
    ] = "distinct_id",
    from_: Annotated[
        str | None,
        Parameter(
            name="--from",
            help="A file with a value a line, persons as NDJSON, or a .csv with such a column; -"
            " for stdin.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    format: Annotated[
        Literal["ndjson", "csv"], Parameter(help="The form of the result.")
    ] = "ndjson",
    concurrency: Annotated[int, Parameter(help="Requests at a time, 200 values each.")] = 8,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Look up persons by distinct id, UUID or e-mail address: any number, 200 a request."""
    check_stdin(from_, options.key_file)
    encode = _csv_row if format == "csv" else _json_row
    writer = _Writer(encode, [_csv_text(TITLES)] if format == "csv" else [])
    async with options.client() as env:
        people = values_from(values, from_, by)
        lookup = env.persons.lookup(people, by=by, concurrency=concurrency)
        async with aclosing(lookup) as pairs:
            async for value, person in pairs:
                await writer.add(value, person)
    await writer.flush()
    if not options.quiet:
        print_message(writer.summary())
    return OK


@attrs.define
class _Writer:
    encode: Callable[[str, Person | None], bytes]
    waiting: list[bytes]
    asked: int = 0
    found: int = 0

    async def add(self, value: str, person: Person | None) -> None:
        self.asked += 1
        self.found += person is not None
        self.waiting.append(self.encode(value, person))
        if len(self.waiting) >= BATCH:
            await self.flush()

    async def flush(self) -> None:
        rows, self.waiting = self.waiting, []
        if rows:
            await write_rows(rows)

    def summary(self) -> str:
        unknown = self.asked - self.found
        return f"{self.asked:,} looked up · {self.found:,} found · {unknown:,} unknown"


def _json_row(value: str, person: Person | None) -> bytes:
    head = json_line({"value": value, "found": person is not None})
    text = b"null" if person is None else json_of(person)
    return head[:-1] + b', "person": ' + text + b"}"


def _csv_row(value: str, person: Person | None) -> bytes:
    if person is None:
        return _csv_text((value, "false"))
    fields: tuple[Any, ...] = (
        person.uuid,
        person.name,
        person.properties.get("email"),
        None if person.created_at is None else person.created_at.isoformat(),
        " ".join(person.distinct_ids),
    )
    return _csv_text((value, "true", *fields))


def _csv_text(cells: tuple[Any, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue().encode("utf-8", "replace")
