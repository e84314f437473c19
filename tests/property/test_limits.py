"""No window of the server's ever holds more than its limit (docs/server.md, Throttles)."""

import heapq
import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from posthog_env_async import Limit
from posthog_env_async.session import Window

limits = st.lists(
    st.builds(Limit, requests=st.integers(1, 9), seconds=st.sampled_from([1.0, 7.0, 60.0])),
    min_size=1,
    max_size=3,
).map(tuple)
durations = st.sampled_from([0.0, 0.01, 0.5, 3.0, 30.0, 100.0])
holds = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 20.0]))
steps = st.lists(st.tuples(durations, st.floats(0.0, 1.0), holds), min_size=1, max_size=60)


def counted_by_the_server(
    limits: tuple[Limit, ...], steps: Sequence[tuple[float, float, float | None]]
) -> list[float]:
    """Run the requests as soon as they may start; the server sees each somewhere on its way."""
    window, now, under_way, seen = Window(limits), 0.0, list[float](), list[float]()
    for duration, part, hold in steps:
        while (wait := window.wait(now)) > 0:
            if under_way and under_way[0] <= now + wait:
                now = heapq.heappop(under_way)
                window.end(now)
            else:
                assert wait < math.inf
                now += wait
        window.start()
        seen.append(now + duration * part)
        heapq.heappush(under_way, now + duration)
        if hold is not None:
            window.block(now + hold)
    return sorted(seen)


@given(limits=limits, steps=steps)
def test_no_window_holds_more_than_its_limit(
    limits: tuple[Limit, ...], steps: Sequence[tuple[float, float, float | None]]
) -> None:
    seen = counted_by_the_server(limits, steps)

    for limit in limits:
        for first, later in zip(seen, seen[limit.requests :], strict=False):
            assert later - first >= limit.seconds - 1e-6


@given(limits=limits, ends=st.lists(st.floats(0.0, 1_000.0), max_size=40))
def test_a_wait_that_was_kept_is_over(limits: tuple[Limit, ...], ends: Sequence[float]) -> None:
    window = Window(limits)
    for end in sorted(ends):
        window.start()
        window.end(end)

    now = max(ends, default=0.0)
    wait = window.wait(now)

    assert wait < math.inf
    assert window.wait(now + wait + 1e-6) == 0.0
    assert all(
        window.used(limit, now + wait + 1e-6) <= max(limit.requests, len(ends)) for limit in limits
    )
