"""Listings as Arrow: bounded record batches straight from the rows, or one table."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Self, cast

import attrs

from posthog_env_async.converter import dump
from posthog_env_async.errors import ConfigurationError, PaginationError, PostHogError
from posthog_env_async.export.files.durable import in_thread
from posthog_env_async.export.formats.column_types import ColumnType, type_of, widest_type
from posthog_env_async.export.formats.columns import Column, parse_columns, value_of
from posthog_env_async.export.formats.flatten import fields_of
from posthog_env_async.export.formats.record_batches import BatchBuilder, arrow_module
from posthog_env_async.export.formats.table_options import TableOptions
from posthog_env_async.export.sources import ListingRows, OnGap, RowRun
from posthog_env_async.pagination import AnyListing, ListingReport

__all__ = ["REPORT", "RecordBatches", "record_batches", "to_table", "with_sampled_kinds"]

REPORT = "posthog_env_async.report"
"""The key of a schema's metadata under which a table has the report of its listing, as JSON."""

SIZE = 10_000
ROWS_A_STEP = 1_000


@attrs.define(eq=False)
class RecordBatches:
    """An asynchronous iterator of `pyarrow.RecordBatch`es, each of `size` rows but the last.

    `schema` is known from the first batch on, `report` says what was read so far and, at the end,
    whether it is complete.
    """

    _listing: AnyListing = attrs.field(repr=False)
    _size: int
    _table: TableOptions
    _on_gap: OnGap
    _arrow: Any = attrs.field(repr=False)
    schema: Any = attrs.field(default=None, init=False, repr=False)
    _run: RowRun | None = attrs.field(default=None, init=False, repr=False)
    _batches: AsyncGenerator[Any] | None = attrs.field(default=None, init=False, repr=False)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if self._batches is None:
            self._batches = self._read()
        try:
            return await anext(self._batches)
        except PostHogError as error:
            failure = error
        # Without the frames below: their locals hold rows.
        raise failure.with_traceback(None)

    async def aclose(self) -> None:
        """Break off what is in flight."""
        if self._batches is not None:
            await self._batches.aclose()

    @property
    def report(self) -> ListingReport:
        """What was read so far."""
        return ListingReport() if self._run is None else self._run.report

    async def _read(self) -> AsyncGenerator[Any]:
        builder: BatchBuilder | None = None
        held = list[Any]()
        async with ListingRows.of(self._listing, self._on_gap).run(None) as self._run:
            async with aclosing(_steps(self._run, self._size)) as steps:
                async for rows in steps:
                    builder = builder or self._builder(rows)
                    held.append(await in_thread(partial(builder.batch, rows)))
                    if sum(map(len, held)) == self._size:
                        yield await in_thread(partial(self._joined, held))
                        held = []
            if builder is None:
                held.append(self._builder([]).batch([]))
            if held:
                yield await in_thread(partial(self._joined, held))

    def _builder(self, rows: Sequence[bytes]) -> BatchBuilder:
        self._table.check_rows(rows)
        columns = with_sampled_kinds(self._table.columns, rows)
        table = attrs.evolve(self._table, columns=columns)
        builder = BatchBuilder.of(table.schema(rows), self._arrow)
        self.schema = builder.schema
        return builder

    def _joined(self, held: Sequence[Any]) -> Any:
        if len(held) == 1:
            return held[0]
        return self._arrow.Table.from_batches(held).combine_chunks().to_batches()[0]


async def _steps(run: RowRun, size: int) -> AsyncGenerator[list[bytes]]:
    """Yield rows as many as are converted at once, none of them across the end of a batch."""
    waiting, room = list[bytes](), size
    while True:
        rows = await run.next_batch()
        waiting += rows or ()
        while len(waiting) >= (step := min(ROWS_A_STEP, room)) or (rows is None and waiting):
            some = waiting[:step]
            del waiting[:step]
            room = (room - len(some)) or size
            yield some
        if rows is None:
            return


def with_sampled_kinds(
    columns: tuple[Column, ...] | None, rows: Sequence[bytes]
) -> tuple[Column, ...] | None:
    """Give each property that was chosen without a type the one that all its values in rows have.

    It is JSON where they have none in common, and text where there is no value.
    """
    if columns is None:
        return None
    types = dict[str, ColumnType | None]()
    open_columns = [each for each in columns if each.key is not None and each.type is None]
    for fields in map(fields_of, rows if open_columns else ()):
        for column in open_columns:
            types[column.name] = widest_type(
                types.get(column.name), type_of(value_of(column, fields))
            )
    return tuple(
        attrs.evolve(each, type=types.get(each.name) or "text") if each in open_columns else each
        for each in columns
    )


def record_batches(
    listing: AnyListing,
    *,
    size: int = SIZE,
    columns: Sequence[str] | None = None,
    on_gap: OnGap = "raise",
) -> RecordBatches:
    """Iterate over a listing as Arrow record batches of one schema; memory is that of one batch.

    Args:
        listing: what to read; its `prefetch` keeps reading while rows are converted.
        size: rows of a batch.
        columns: fields of the rows, `properties.NAME` for a property, `extra` for what has no
            column; each also with a type behind it, `properties.seats=integer`. A property without
            one gets the type that its first values have, at most 1,000 of them, JSON text where
            they differ, and text where there are none; a later value of another type is null.
            By default all fields, `properties` as JSON text, and `extra`.
        on_gap: as in `Listing.iterate`.

    Raises:
        ConfigurationError: when pyarrow is missing, or a column that cannot be was chosen.
    """
    if isinstance(size, bool) or not isinstance(cast("object", size), int) or size < 1:
        raise ConfigurationError("size must be a whole number, 1 or more")
    table = TableOptions(columns=parse_columns(columns), model=listing.model)
    table.check()
    return RecordBatches(listing, size, table, on_gap, arrow_module("pyarrow", "arrow"))


async def to_table(
    listing: AnyListing,
    *,
    columns: Sequence[str] | None = None,
    allow_incomplete: bool = False,
) -> Any:
    """Read a listing into a `pyarrow.Table`, in memory; columns are those of `record_batches`.

    The schema's metadata has the listing's report as JSON under `posthog_env_async.report`.

    Raises:
        PaginationError: when the listing cannot be proven complete, unless `allow_incomplete`.
    """
    on_gap: OnGap = "report" if allow_incomplete else "raise"
    batches = record_batches(listing, columns=columns, on_gap=on_gap)
    async with aclosing(batches):
        parts = [batch async for batch in batches]
    report = batches.report
    if not report.complete and not allow_incomplete:
        # A frame of the traceback would hold them.
        parts.clear()
        raise PaginationError(
            f"{report.items:,} rows were read, but it is not proven that they are all: see the"
            " report of the listing, or use allow_incomplete=True"
        )
    table = arrow_module("pyarrow", "arrow").Table.from_batches(parts, batches.schema)
    return table.replace_schema_metadata({REPORT: dump(attrs.asdict(report))})
