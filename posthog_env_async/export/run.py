"""One export under way, from its rows to the finished file, and what it reports."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import attrs

from posthog_env_async.errors import PostHogError
from posthog_env_async.events import ExportCheckpointed, ExportEnded
from posthog_env_async.export.files.durable import in_thread
from posthog_env_async.export.formats.parquet import ParquetConversion
from posthog_env_async.export.formats.table_options import TableOptions
from posthog_env_async.export.state.buffer import Position
from posthog_env_async.export.state.checkpoint import Phase
from posthog_env_async.export.state.checkpointed_file import CheckpointedFile
from posthog_env_async.export.state.publish import Manifest
from posthog_env_async.export.state.written_rows import written_rows
from posthog_env_async.pagination import ListingReport
from posthog_env_async.session import finish

from .sources import RowRun, RowSource

__all__ = ["ExportReport", "ExportRun", "OnProgress", "Progress", "joined_reports"]


@attrs.frozen(kw_only=True)
class Progress:
    """How far an export is; `rows`, `bytes`, `requests` and `pages` count earlier runs too.

    `bytes` is what was written, compressed; `seconds` and `rows_per_second` are of this run.
    """

    path: Path
    phase: Literal["reading", "converting", "done"]
    rows: int
    bytes: int
    pages: int
    requests: int
    resumed_rows: int
    seconds: float

    @property
    def rows_per_second(self) -> float:
        """How fast this run is on average."""
        return (self.rows - self.resumed_rows) / self.seconds if self.seconds else 0.0


@attrs.frozen(kw_only=True)
class ExportReport:
    """A finished export.

    `rows`, `requests`, `seconds` and `listing` count all runs that it took; `resumed_rows` of the
    rows come from earlier runs. `complete` is the listing's verdict: every row that existed
    throughout is in the file exactly once.
    """

    path: Path
    format: str
    compression: str
    rows: int
    requests: int
    complete: bool
    listing: ListingReport
    bytes: int
    sha256: str
    seconds: float
    resumed: bool
    resumed_rows: int
    manifest: Path


OnProgress = Callable[[Progress], None]


@attrs.define
class ExportRun:
    """One export under way: reads, converts where the format needs it, and publishes."""

    source: RowSource
    file: CheckpointedFile
    on_progress: OnProgress | None
    _began: float = attrs.field(factory=time.monotonic, init=False)
    _emitted_rows: int = attrs.field(default=0, init=False)

    async def run(self, about: Mapping[str, str]) -> Manifest:
        """Read, convert and publish, as far as earlier runs have not done it."""
        file = self.file
        if file.state.phase == "reading":
            await self._read()
        if file.state.phase == "read":
            await self._convert()
        manifest = await in_thread(partial(file.publish, about))
        if self.on_progress:
            self.on_progress(self._progress("done", manifest.listing))
        if emit := self.source.emit:
            rows, requests = manifest.rows, manifest.requests
            complete, seconds = manifest.complete, manifest.seconds
            emit(ExportEnded(rows=rows, requests=requests, complete=complete, seconds=seconds))
        return manifest

    async def _read(self) -> None:
        failure: PostHogError | None = None
        state, target, written = self.file.state, self.file.target, None
        if state.token is not None:
            written = await in_thread(partial(written_rows, target, state.rows))
        async with self.source.run(state.token, written) as run:
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
        self._emit_checkpoint()

    def _emit_checkpoint(self) -> None:
        """Emit the event of the checkpoint that was saved last, once."""
        saved, emit = self.file.saved, self.source.emit
        if emit and saved is not None and saved.rows != self._emitted_rows:
            self._emitted_rows = saved.rows
            emit(ExportCheckpointed(rows=saved.rows, bytes=saved.bytes))

    async def _copy(self, run: RowRun) -> None:
        """Read on while a thread writes what was read, one step at a time."""
        file, buffer = self.file, self.file.buffer
        # Not a task group, which would wrap the error of a step in a group.
        step: asyncio.Task[None] | None = None
        try:
            while (rows := await run.next_batch()) is not None:
                buffer.add(rows, self._position(run) if buffer.wants_position else None)
                # Not held while the next page is waited for.
                del rows
                if buffer.ready:
                    if step is not None:
                        await step
                    self._emit_checkpoint()
                    file.enqueue()
                    step = asyncio.create_task(in_thread(file.flush))
                if self.on_progress:
                    report = joined_reports(file.opened.listing, run.report)
                    self.on_progress(self._progress("reading", report))
            if step is not None:
                await step
        finally:
            if step is not None:
                await finish(asyncio.gather(step, return_exceptions=True))

    def _position(self, run: RowRun) -> Position:
        """Return where the run stands, and the report of all runs so far."""
        return Position(run.token, joined_reports(self.file.opened.listing, run.report))

    async def _convert(self) -> None:
        table = self.file.writer.table or TableOptions()
        conversion = ParquetConversion(self.file.target, table)
        try:
            while await in_thread(conversion.step):
                if self.on_progress:
                    self.on_progress(self._progress("converting", self.file.state.listing))
            size, sha256 = await in_thread(conversion.finish)
        finally:
            await finish(in_thread(conversion.abandon))
        await in_thread(partial(self.file.record_final, size, sha256))

    def _progress(
        self, phase: Literal["reading", "converting", "done"], listing: ListingReport
    ) -> Progress:
        return Progress(
            path=self.file.target.path,
            phase=phase,
            rows=self.file.buffer.rows,
            bytes=self.file.bytes,
            pages=listing.pages,
            requests=listing.requests,
            resumed_rows=self.file.opened.rows,
            seconds=time.monotonic() - self._began,
        )


def joined_reports(before: ListingReport, now: ListingReport) -> ListingReport:
    """Return the report of two runs of which the second resumed the first.

    What the first left unproven stays unproven.
    """
    numbers = {
        field.name: getattr(before, field.name) + getattr(now, field.name)
        for field in attrs.fields(ListingReport)
        if type(getattr(now, field.name)) is int
    }
    sizes = tuple(dict.fromkeys((*before.page_sizes, *now.page_sizes)))
    joined = attrs.evolve(now, **numbers, page_sizes=sizes)
    doubts = joined.seams_unproven or joined.contradictions or joined.bad_rows
    return attrs.evolve(joined, complete=now.complete and not doubts)
