"""One listing into one file: complete or not there, and resumed where it stopped."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import attrs
from anyio import CancelScope

from posthog_env_async.errors import PostHogError
from posthog_env_async.export.files.lock import FileLock
from posthog_env_async.export.files.paths import Compression, Format, Target
from posthog_env_async.export.files.worker import BackgroundWriter, in_thread
from posthog_env_async.export.formats.compression import compressor
from posthog_env_async.export.formats.parquet import ParquetConversion
from posthog_env_async.export.formats.record_batches import arrow_module
from posthog_env_async.export.formats.row_writer import RowWriter
from posthog_env_async.export.state.buffer import Position, RowBuffer
from posthog_env_async.export.state.checkpoint import Checkpoint, Phase
from posthog_env_async.export.state.checkpointed_file import CheckpointedFile
from posthog_env_async.export.state.manifest import Manifest
from posthog_env_async.export.state.report import ExportReport, Progress, joined_reports
from posthog_env_async.pagination import ListingReport

from .options import FileOptions
from .sources import AnyListing, ListingRows, OnGap, RowRun, RowSource

__all__ = ["OnProgress", "export", "export_rows", "report_of"]

OnProgress = Callable[[Progress], None]


async def export(
    listing: AnyListing,
    path: str | os.PathLike[str],
    *,
    format: Format | None = None,
    compression: Compression | None = None,
    resume: bool = True,
    columns: Sequence[str] | None = None,
    property_columns: Mapping[str, str] | Sequence[str] = (),
    quote_formulas: bool = False,
    safe_names: bool = False,
    add_project_id: bool = False,
    excel: bool = False,
    model: type[Any] | None = None,
    on_gap: OnGap = "raise",
    on_progress: OnProgress | None = None,
    checkpoint_every: float = 0.5,
    about: Mapping[str, str] | None = None,
    overwrite: bool = False,
    lock: bool = True,
) -> ExportReport:
    """Export a listing to a file that is complete or not there.

    Rows go to `NAME.part` and a checkpoint beside it; the name itself appears, or is
    replaced, when all rows are there, with `NAME.manifest.json`. After a failure, a cancellation or
    a kill the same call goes on from the checkpoint and ends with the same file. New files can be
    read by their owner alone; a file that is replaced keeps its mode.

    Args:
        listing: what to export; its `prefetch` keeps reading while a page is written.
        path: its suffix is the format: `.ndjson`, `.jsonl`, `.csv` or `.parquet`; `.gz` or `.zst`
            behind compresses.
        format: instead of the suffix.
        compression: instead of the suffix; Parquet is compressed inside, with zstd by default.
        resume: false drops what an unfinished export left, and starts over.
        columns: of a CSV or Parquet file, by default all: names of fields, or `properties.email`
            for a value inside of one, each also with a type behind, `properties.age=integer`:
            `text`, `integer`, `number`, `boolean`, `time`, `time_ns`, `texts` or `json`. A value
            that does not fit its type is left empty. `extra` takes as JSON what has no column.
        property_columns: properties that get a Parquet column of their own besides all others, by
            name, also with types.
        quote_formulas: put a `'` in front of CSV texts that a spreadsheet would run.
        safe_names: name CSV and Parquet columns by letters, digits and underscores alone.
        add_project_id: give each row the field `project_id`, in any format.
        excel: begin a CSV with a byte order mark, so that spreadsheets read it as UTF-8.
        model: the model of the rows where the listing does not tell, for columns and their types.
        on_gap: as in `Listing.iterate`.
        on_progress: called on the event loop with each page; must be quick.
        checkpoint_every: seconds; what was read since the last checkpoint is lost with a kill.
        about: what the manifest shall say besides, such as server and project; nothing personal.

        overwrite: replace a file that was not written by an export, or a symbolic link; devices,
            pipes and sockets are refused all the same.
        lock: false does without `NAME.lock`, for file systems that have no locks; no other export
            may write the file then.

    Raises:
        FileLockedError: when another export writes the path now.
        CheckpointError: when what is there is of another export, or damaged.
        ExportError: when the file cannot be written, or is not ours to replace.
        ConfigurationError: for options that do not go together.
        PostHogError: what the listing raises; what was read is kept, and the same call goes on.
    """
    options = FileOptions(
        format=format,
        compression=compression,
        columns=columns,
        property_columns=property_columns,
        quote_formulas=quote_formulas,
        safe_names=safe_names,
        add_project_id=add_project_id,
        excel=excel,
        model=model,
        overwrite=overwrite,
        lock=lock,
        checkpoint_every=checkpoint_every,
    )
    source = ListingRows(listing, on_gap)
    return await export_rows(
        source, path, options, resume=resume, on_progress=on_progress, about=about
    )


async def export_rows(
    source: RowSource,
    path: str | os.PathLike[str],
    options: FileOptions,
    *,
    resume: bool = True,
    on_progress: OnProgress | None = None,
    about: Mapping[str, str] | None = None,
) -> ExportReport:
    """Export whatever gives rows, as `export` does a listing; it raises the same."""
    file = _checkpointed_file(source, options.target(path), options)
    try:
        await in_thread(partial(file.open, resume=resume, overwrite=options.overwrite))
        manifest = await _ExportRun(source, file, on_progress).run(about or {})
    finally:
        with CancelScope(shield=True):
            await in_thread(file.close)
    opened = file.opened
    return report_of(file.target, manifest, resumed=opened.is_resumable, resumed_rows=opened.rows)


def report_of(
    target: Target, manifest: Manifest, *, resumed: bool = False, resumed_rows: int = 0
) -> ExportReport:
    """Return the report of a finished export, from its manifest."""
    file = manifest.files[0]
    return ExportReport(
        path=target.path,
        format=manifest.format,
        compression=manifest.compression,
        rows=manifest.rows,
        requests=manifest.requests,
        complete=manifest.complete,
        listing=manifest.listing,
        bytes=file.bytes,
        sha256=file.sha256,
        seconds=manifest.seconds,
        resumed=resumed,
        resumed_rows=resumed_rows,
        manifest=target.manifest,
    )


@attrs.define
class _ExportRun:
    """One export under way: reads, converts where the format needs it, and publishes."""

    source: RowSource
    file: CheckpointedFile
    on_progress: OnProgress | None
    _began: float = attrs.field(factory=time.monotonic, init=False)

    async def run(self, about: Mapping[str, str]) -> Manifest:
        file = self.file
        if file.state.phase == "reading":
            await self._read()
        if file.state.phase == "read":
            await self._convert()
        manifest = await in_thread(partial(file.publish, about))
        self._tell("done", manifest.listing)
        return manifest

    async def _read(self) -> None:
        failure: PostHogError | None = None
        async with self.source.run(self.file.state.token) as run:
            try:
                await self._copy(run)
            except PostHogError as error:
                failure = error
                failure.resume_token = failure.resume_token or run.token
            finally:
                self.file.buffer.add([], self._position(run))
        if failure is not None:
            # Without the frame below: its locals hold rows.
            raise failure.with_traceback(None)
        phase: Phase = "read" if self.file.target.format == "parquet" else "done"
        await in_thread(partial(self.file.finish_reading, phase))

    async def _copy(self, run: RowRun) -> None:
        """Read on while what was read is written."""
        file, buffer = self.file, self.file.buffer
        async with BackgroundWriter() as writer:
            while (rows := await run.next_items()) is not None:
                buffer.add(rows, self._position(run) if buffer.wants_position else None)
                if buffer.has_chunks:
                    await writer.wait()
                    file.enqueue()
                    writer.start(file.flush)
                if self.on_progress is not None:
                    self._tell("reading", self._report(run))

    def _position(self, run: RowRun) -> Position:
        return Position(run.token, self._report(run))

    def _report(self, run: RowRun) -> ListingReport:
        """Return the report of all runs so far."""
        return joined_reports(self.file.opened.listing, run.report)

    async def _convert(self) -> None:
        conversion = ParquetConversion(self.file.target, self.file.writer.table)
        try:
            while await in_thread(conversion.step):
                self._tell("converting", self.file.state.listing)
            size, sha256 = await in_thread(conversion.finish)
        finally:
            with CancelScope(shield=True):
                await in_thread(conversion.abandon)
        await in_thread(partial(self.file.record_final, size, sha256))

    def _tell(
        self, phase: Literal["reading", "converting", "done"], listing: ListingReport
    ) -> None:
        if self.on_progress is not None:
            self.on_progress(
                Progress(
                    path=self.file.target.path,
                    phase=phase,
                    rows=self.file.buffer.rows,
                    bytes=self.file.bytes,
                    pages=listing.pages,
                    requests=listing.requests,
                    resumed_rows=self.file.opened.rows,
                    seconds=time.monotonic() - self._began,
                )
            )


def _checkpointed_file(source: RowSource, target: Target, options: FileOptions) -> CheckpointedFile:
    wanted = Checkpoint(
        subject=source.subject,
        format=target.format,
        compression=target.compression,
        options={**source.bounds, **options.resumable(target)},
    )
    is_parquet, table = target.format == "parquet", options.table(source)
    if is_parquet:
        arrow_module()
    encoder = options.encoder(target, table)
    compress = compressor("none" if is_parquet else target.compression)
    writer = RowWriter(encoder, compress, table, options.prefix(source))
    buffer = RowBuffer(encoder.waits_for, options.checkpoint_every)
    return CheckpointedFile(target, wanted, FileLock(target.lock, options.lock), writer, buffer)
