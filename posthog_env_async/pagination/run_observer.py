"""What a run of a listing tells: to the client's observer, and to whoever wants its progress."""

from collections.abc import Callable

import attrs

from posthog_env_async.events import ListingEnded, PageRead, SeamRepaired
from posthog_env_async.session import Emitter

from .page import ListingReport, Step

__all__ = ["OnReport", "RunObserver"]

OnReport = Callable[[ListingReport], object]


@attrs.define
class RunObserver:
    """Tells each page and the end of a run; it is there only when somebody listens."""

    route: str
    emit: Emitter | None
    on_progress: OnReport | None
    _repaired: int = 0
    _has_ended: bool = False

    def note_page(self, step: Step, report: ListingReport) -> None:
        """Tell that a page was accepted, and the seams that were repaired before it."""
        if self.emit:
            for _ in range(report.seams_repaired - self._repaired):
                self.emit(SeamRepaired(route=self.route))
            self._repaired = report.seams_repaired
            self.emit(PageRead(route=self.route, rows=len(step.rows), bytes=len(step.raw)))
        if self.on_progress:
            self.on_progress(report)

    def note_end(self, report: ListingReport) -> None:
        """Tell once that the run has ended, in whatever way."""
        if self._has_ended:
            return
        self._has_ended = True
        if self.emit:
            self.emit(ListingEnded(route=self.route, report=report))
        if self.on_progress:
            self.on_progress(report)
