"""The rows in the part of an unfinished export, which a resumed run must not repeat."""

import csv
import io
from collections.abc import Generator
from contextlib import closing, suppress
from itertools import islice

from posthog_env_async.converter import BYTES_ROWS
from posthog_env_async.export.files.paths import Target
from posthog_env_async.export.formats.compression import opened
from posthog_env_async.pagination import HandedOut

__all__ = ["written_rows"]


def written_rows(target: Target, rows: int) -> HandedOut | None:
    """Return the rows of a part that holds so many; `None` for a CSV without their uuids.

    Reads the whole part, so it belongs in a thread.
    """
    written = HandedOut()
    with closing(_csv_keys(target) if target.format == "csv" else _line_keys(target)) as keys:
        first = islice(keys, rows)
        while some := [hash(key) for key in islice(first, 1_000)]:
            written.add(some)
    return written if len(written) == rows else None


def _line_keys(target: Target) -> Generator[str]:
    compression = "none" if target.format == "parquet" else target.compression
    with opened(target.part, compression) as file:
        for line in file:  # pragma: no branch - nobody asks for more rows than it has
            yield BYTES_ROWS.key(line)


def _csv_keys(target: Target) -> Generator[str]:
    # A cell that is longer than Python's reader takes ends the reading.
    with (
        opened(target.part, target.compression) as file,
        io.TextIOWrapper(file, "utf-8-sig", newline="") as text,
        suppress(csv.Error),
    ):
        for row in csv.DictReader(text):
            if "uuid" not in row:
                return
            yield row["uuid"]
