"""Where to look for the place of a run after rows came or went: decisions, no requests."""

import attrs

from posthog_env_async.pagination.window import Window
from posthog_env_async.pagination.window_reader import WindowPage

from .seam_check import Blurred, Joined, Place, Verdict

__all__ = ["Found", "Gap", "SeamSearch", "StepBack", "StepForward"]

MOST_STEPS = 64
LEAST_SLACK = 8
MOST_SLACK = 64
MOST_RESTARTS = 2


@attrs.frozen
class Found:
    """This page joins."""

    joined: Joined


@attrs.frozen
class StepBack:
    """Read a window further in front."""

    window: Window


@attrs.frozen
class StepForward:
    """Read a window further behind."""

    window: Window


@attrs.frozen
class Gap:
    """Nothing was found that joins."""

    reason: str


Decision = Found | StepBack | StepForward | Gap


@attrs.frozen
class SeamSearch:
    """A search between `low`, where a window lies in front of the place, and `high`, behind it.

    It doubles its steps until it has both, and then halves what lies between them. Where it is not
    known where a run begins, a window has to show rows in front of that first.
    """

    floor: int
    width: int
    step: int
    can_begin_anew: bool
    is_begun: bool = True
    low: int | None = None
    high: int | None = None
    steps: int = 0
    restarts: int = 0
    blurred: tuple[int, int, int] | None = None

    def decide(self, verdict: Verdict, page: WindowPage) -> tuple[Decision, "SeamSearch"]:
        """Take in what a window showed, and say what to do next."""
        if self.steps >= MOST_STEPS:
            return Gap("the rows move faster than they can be read"), self
        search = attrs.evolve(self, steps=self.steps + 1)
        start = page.window.start
        if isinstance(verdict, Joined):
            return _joined(search, verdict, page)
        if isinstance(verdict, Blurred):
            return _sharpen(search, verdict, start)
        if self.blurred is not None:
            return _blur(search, start)
        if verdict is Place.IN_FRONT and page.end is not None:
            return _forward(attrs.evolve(search, low=start))
        return _back(attrs.evolve(search, high=start))


def _joined(search: SeamSearch, verdict: Joined, page: WindowPage) -> tuple[Decision, SeamSearch]:
    start = page.window.start
    if not search.is_begun and search.blurred is None and start > 0:
        return _back(attrs.evolve(search, high=start))
    is_first = search.steps == 1
    reaches = search.high is None or page.reach >= search.high
    if is_first or verdict.fresh or page.end is None or reaches:
        return Found(verdict), search
    return _forward(attrs.evolve(search, low=start))


def _sharpen(search: SeamSearch, verdict: Blurred, start: int) -> tuple[Decision, SeamSearch]:
    """Begin further behind, until the window begins among the rows handed out last."""
    slack = 0
    if search.blurred is not None and search.is_begun:
        _, known, before = search.blurred
        if before and verdict.known <= known - before // 2:
            # It does begin among them: what shows a time of rows in front does not stand there.
            return Found(Joined(verdict.fresh)), search
        # Rows that come meanwhile push the others on.
        slack = min(MOST_SLACK, max(LEAST_SLACK, 2 * before))
    window = Window(start + verdict.by + slack, search.width)
    return StepForward(window), attrs.evolve(search, blurred=(start, verdict.known, slack))


def _blur(search: SeamSearch, start: int) -> tuple[Decision, SeamSearch]:
    """Go half of the way back that was too much."""
    before = search.blurred[0] if search.blurred else 0
    if start - before < 2:
        return Gap("it is not certain which rows were handed out before"), search
    return StepBack(Window((before + start) // 2, search.width)), search


def _forward(search: SeamSearch) -> tuple[Decision, SeamSearch]:
    if search.low is None or search.high is not None:
        return _between(search)
    start = search.low + search.step
    return StepForward(Window(start, search.width)), attrs.evolve(search, step=2 * search.step)


def _back(search: SeamSearch) -> tuple[Decision, SeamSearch]:
    if search.high is None or search.low is not None:
        return _between(search)
    if search.high <= search.floor:
        return Gap("no row is left of those that were read"), search
    start = max(search.floor, search.high - search.step)
    return StepBack(Window(start, search.width)), attrs.evolve(search, step=2 * search.step)


def _between(search: SeamSearch) -> tuple[Decision, SeamSearch]:
    low, high = search.low or 0, search.high or 0
    if high - low > 1:
        return StepForward(Window((low + high) // 2, search.width)), search
    if search.restarts < MOST_RESTARTS:
        # The rows moved meanwhile: what was behind the place may be in front of it now.
        again = attrs.evolve(search, high=None, step=2 * search.width, restarts=search.restarts + 1)
        return _forward(again)
    if low > search.floor and search.can_begin_anew:
        anew = attrs.evolve(search, low=None, high=search.floor + 1, step=search.floor + 1)
        return StepBack(Window(search.floor, search.width)), anew
    return Gap("no row is left of those that were read"), search
