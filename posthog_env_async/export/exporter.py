"""One listing into one file: whole or not there, and resumed where it stopped."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import attrs
from anyio import CancelScope

from posthog_env_async.errors import PostHogError
from posthog_env_async.export.files.paths import Compression, Format, Target
from posthog_env_async.export.files.worker import BackgroundWriter, in_thread
from posthog_env_async.export.formats.compression import compressor
from posthog_env_async.export.formats.options import FormatOptions
from posthog_env_async.export.formats.parquet import ParquetConversion, check_parquet
from posthog_env_async.export.state.buffer import Chunks, Position
from posthog_env_async.export.state.checkpoint import Checkpoint, Phase
from posthog_env_async.export.state.manifest import Manifest
from posthog_env_async.export.state.partial_file import Part
from posthog_env_async.export.state.report import ExportReport, Progress
from posthog_env_async.pagination import ListingReport

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
    model: type[Any] | None = None,
    on_gap: OnGap = "raise",
    on_progress: OnProgress | None = None,
    checkpoint_every: float = 0.5,
    about: Mapping[str, str] | None = None,
) -> ExportReport:
    """Export a listing to a file that is whole or not there.

    Rows go to `NAME.part` and a checkpoint beside it; the name itself appears, or is
    replaced, when all rows are there, with `NAME.manifest.json`. After a failure, a cancellation or
    a kill the same call goes on from the checkpoint and ends with the same file.

    Args:
        listing: what to export; its `prefetch` keeps reading while a page is written.
        path: its suffix is the format: `.ndjson`, `.jsonl`, `.csv` or `.parquet`; `.gz` or `.zst`
            behind compresses.
        format: instead of the suffix.
        compression: instead of the suffix; Parquet is compressed inside, with zstd by default.
        resume: false drops what an unfinished export left, and starts over.
        columns: of a CSV or Parquet file; by default all.
        property_columns: properties that get a Parquet column of their own, by name, with a type:
            `text`, `integer`, `number`, `boolean`, `time` or `json`.
        quote_formulas: put a `'` in front of CSV texts that a spreadsheet would run.
        model: the model of the rows, for the columns of a Parquet file; by default the first row
            tells, so it matters for listings that may be empty.
        on_gap: as in `Listing.iterate`.
        on_progress: called on the event loop with each page; must be quick.
        checkpoint_every: seconds; what was read since the last checkpoint is lost with a kill.
        about: what the manifest shall say besides, such as server and project; nothing personal.

    Raises:
        CheckpointError: when another export holds the path, or what is there is of another one.
        ConfigurationError: when the folder cannot be written to, or the disk is full.
        PostHogError: what the listing raises; what was read is kept, and the same call goes on.
    """
    choices = FormatOptions(
        columns=columns,
        property_columns=property_columns,
        quote_formulas=quote_formulas,
        model=model,
    )
    return await export_rows(
        ListingRows(listing, on_gap),
        Target.parse(path, format=format, compression=compression),
        choices,
        resume=resume,
        on_progress=on_progress,
        checkpoint_every=checkpoint_every,
        about=about,
    )


async def export_rows(
    source: RowSource,
    target: Target,
    choices: FormatOptions,
    *,
    resume: bool = True,
    on_progress: OnProgress | None = None,
    checkpoint_every: float = 0.5,
    about: Mapping[str, str] | None = None,
) -> ExportReport:
    """Export whatever gives rows, as `export` does a listing; it raises the same."""
    part = _part(source, target, choices, checkpoint_every)
    try:
        await in_thread(partial(part.open, resume=resume))
        manifest = await _Job(source, part, choices, on_progress).run(about or {})
    finally:
        with CancelScope(shield=True):
            await in_thread(part.close)
    return report_of(target, manifest, resumed=part.resumed, resumed_rows=part.resumed_rows)


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
class _Job:
    source: RowSource
    part: Part
    choices: FormatOptions
    on_progress: OnProgress | None
    _began: float = attrs.field(factory=time.monotonic, init=False)

    async def run(self, about: Mapping[str, str]) -> Manifest:
        part, target = self.part, self.part.target
        if part.state.phase == "reading":
            await self._read()
        if part.state.phase == "read":
            await self._convert()
        finished = target.converted if target.format == "parquet" else target.part
        manifest = await in_thread(partial(part.settle, finished, about))
        self._tell("done", manifest.listing)
        return manifest

    async def _read(self) -> None:
        failure: PostHogError | None = None
        async with self.source.run(self.part.state.token) as run:
            try:
                await self._copy(run)
            except PostHogError as error:
                failure = error
                failure.resume_token = failure.resume_token or run.token
            finally:
                self.part.chunks.add([], Position(run.token, run.report))
        if failure is not None:
            # Without the frame below: its locals hold rows.
            raise failure.with_traceback(None)
        phase: Phase = "read" if self.part.target.format == "parquet" else "done"
        await in_thread(partial(self.part.end, phase))

    async def _copy(self, run: RowRun) -> None:
        """Read on while what was read is written."""
        part = self.part
        async with BackgroundWriter() as behind:
            while (rows := await run.next_items()) is not None:
                place = Position(run.token, run.report) if part.chunks.wants_place else None
                part.chunks.add(rows, place)
                if part.chunks.has_some:
                    await behind.settle()
                    part.hand_over()
                    behind.start(part.flush)
                if self.on_progress is not None:
                    self._tell("reading", part.joined(run.report))

    async def _convert(self) -> None:
        conversion = ParquetConversion(self.part.target, self.choices)
        try:
            while await in_thread(conversion.step):
                self._tell("converting", self.part.state.listing)
            size, sha256 = await in_thread(conversion.finish)
        finally:
            with CancelScope(shield=True):
                await in_thread(conversion.abandon)
        await in_thread(partial(self.part.decide, size, sha256))

    def _tell(
        self, phase: Literal["reading", "converting", "done"], listing: ListingReport
    ) -> None:
        if self.on_progress is not None:
            self.on_progress(
                Progress(
                    path=self.part.target.path,
                    phase=phase,
                    rows=self.part.chunks.rows,
                    bytes=self.part.bytes,
                    pages=listing.pages,
                    requests=listing.requests,
                    resumed_rows=self.part.resumed_rows,
                    seconds=time.monotonic() - self._began,
                )
            )


def _part(
    source: RowSource, target: Target, choices: FormatOptions, checkpoint_every: float
) -> Part:
    choices.check(target)
    wanted = Checkpoint(
        subject=source.subject,
        format=target.format,
        compression=target.compression,
        asked={**source.bounds, **choices.asked(target)},
    )
    is_parquet = target.format == "parquet"
    if is_parquet:
        check_parquet()
    compress = compressor("none" if is_parquet else target.compression)
    encoder = choices.encoder(target)
    return Part(target, wanted, encoder, compress, Chunks(encoder.waits_for, checkpoint_every))
