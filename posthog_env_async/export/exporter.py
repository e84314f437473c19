"""One listing into one file: complete or not there, and resumed where it stopped."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from posthog_env_async.export.files.durable import in_thread
from posthog_env_async.export.files.lock import FileLock
from posthog_env_async.export.files.paths import Compression, Format, Target
from posthog_env_async.export.run import ExportReport
from posthog_env_async.export.state.buffer import RowBuffer
from posthog_env_async.export.state.checkpoint import Checkpoint
from posthog_env_async.export.state.checkpointed_file import CheckpointedFile
from posthog_env_async.export.state.publish import Manifest
from posthog_env_async.pagination import AnyListing
from posthog_env_async.session import finish

from .options import FileOptions
from .run import ExportRun, OnProgress
from .sources import ListingRows, OnGap, RowSource

__all__ = ["OnProgress", "export", "export_rows", "report_of"]

CHUNK_BYTES = 4 << 20


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
    source = ListingRows.of(listing, on_gap)
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
    """Export the rows of any source, as `export` does those of a listing; raises the same."""
    file = _checkpointed_file(source, options.target(path), options)
    try:
        await in_thread(partial(file.open, resume=resume))
        manifest = await ExportRun(source, file, on_progress).run(about or {})
    finally:
        await finish(in_thread(file.close))
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


def _checkpointed_file(source: RowSource, target: Target, options: FileOptions) -> CheckpointedFile:
    wanted = Checkpoint(
        subject=source.subject,
        format=target.format,
        compression=target.compression,
        options={**source.bounds, **options.resumable(target)},
        may_overwrite=options.overwrite,
    )
    writer = options.writer(source, target)
    chunk = CHUNK_BYTES // options.concurrency
    buffer = RowBuffer(writer.encoder.sample_size, options.checkpoint_every, chunk)
    return CheckpointedFile(target, wanted, FileLock(target.lock, options.lock), writer, buffer)
