"""One listing into one file: whole or not there, and resumed where it stopped."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeVar

import anyio.to_thread
import attrs
from anyio import CancelScope

from posthog_env_async.errors import PostHogError
from posthog_env_async.pagination import CursorListing, Listing, ListingRun

from .checkpoint import Checkpoint, Phase
from .choices import Choices
from .compression import compressor
from .manifest import Manifest
from .parquet import ParquetConversion, check_parquet
from .part import Part
from .report import ExportReport, Progress
from .target import Compression, Format, Target

__all__ = ["AnyListing", "OnGap", "OnProgress", "export", "report_of"]

AnyListing = Listing[Any] | CursorListing[Any]
OnGap = Literal["raise", "report"]
OnProgress = Callable[[Progress], None]
R = TypeVar("R")


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
    choices = Choices(
        columns=columns,
        property_columns=property_columns,
        quote_formulas=quote_formulas,
        model=model,
    )
    part = _part(listing, Target.parse(path, format=format, compression=compression), choices)
    part.checkpoint_every = checkpoint_every
    job = _Job(listing, part, choices, on_gap, on_progress)
    try:
        await _in_thread(partial(part.open, resume=resume))
        manifest = await job.run(about or {})
    finally:
        with CancelScope(shield=True):
            await _in_thread(part.close)
    return report_of(part.target, manifest, resumed=part.resumed, resumed_rows=part.resumed_rows)


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
    listing: AnyListing
    part: Part
    choices: Choices
    on_gap: OnGap
    on_progress: OnProgress | None
    _began: float = attrs.field(factory=time.monotonic, init=False)

    async def run(self, about: Mapping[str, str]) -> Manifest:
        part, target = self.part, self.part.target
        if part.state.phase == "reading":
            await self._read()
        if part.state.phase == "read":
            await self._convert()
        finished = target.converted if target.format == "parquet" else target.part
        manifest = await _in_thread(partial(part.settle, finished, about))
        self._tell("done")
        return manifest

    async def _read(self) -> None:
        listing = self.listing.raw()
        if self.part.state.token is not None:
            listing = listing.resume(self.part.state.token)
        failure: PostHogError | None = None
        async with _started(listing, self.on_gap) as run:
            try:
                await self._copy(run)
            except PostHogError as error:
                failure = error
                failure.resume_token = failure.resume_token or run.token
            finally:
                self.part.add([], run.token, run.report)
        if failure is not None:
            # Without the frame below: its locals hold rows.
            raise failure.with_traceback(None)
        phase: Phase = "read" if self.part.target.format == "parquet" else "done"
        await _in_thread(partial(self.part.end, phase))

    async def _copy(self, run: ListingRun[bytes]) -> None:
        part = self.part
        while (rows := await run.next_items()) is not None:
            part.add(rows, run.token, run.report)
            if part.is_due:
                await _in_thread(part.flush)
            self._tell("reading")

    async def _convert(self) -> None:
        conversion = ParquetConversion(self.part.target, self.choices)
        try:
            while await _in_thread(conversion.step):
                self._tell("converting")
            size, sha256 = await _in_thread(conversion.finish)
        finally:
            with CancelScope(shield=True):
                await _in_thread(conversion.abandon)
        await _in_thread(partial(self.part.decide, size, sha256))

    def _tell(self, phase: Literal["reading", "converting", "done"]) -> None:
        if self.on_progress is not None:
            part = self.part
            self.on_progress(
                Progress(
                    path=part.target.path,
                    phase=phase,
                    rows=part.rows,
                    bytes=part.state.bytes,
                    pages=part.listing.pages,
                    requests=part.listing.requests,
                    resumed_rows=part.resumed_rows,
                    seconds=time.monotonic() - self._began,
                )
            )


def _started(listing: AnyListing, on_gap: OnGap) -> ListingRun[bytes]:
    if isinstance(listing, Listing):
        return listing.iterate(on_gap=on_gap)
    return listing.iterate()


def _part(listing: AnyListing, target: Target, choices: Choices) -> Part:
    choices.check(target)
    bounds = {
        "offset": listing.offset if isinstance(listing, Listing) else 0,
        "max_items": listing.max_items,
    }
    wanted = Checkpoint(
        subject=listing.subject,
        format=target.format,
        compression=target.compression,
        asked={**bounds, **choices.asked(target)},
    )
    if target.format == "parquet":
        check_parquet()
        return Part(target, wanted, choices.encoder(target), compressor("none"))
    return Part(target, wanted, choices.encoder(target), compressor(target.compression))


async def _in_thread(work: Callable[[], R]) -> R:
    return await anyio.to_thread.run_sync(work)
