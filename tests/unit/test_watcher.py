"""What the command line makes of a client's events."""

import pytest

pytest.importorskip("cyclopts")

from posthog_env_async.cli.options.output import OutputOptions
from posthog_env_async.cli.output.notices import Watcher
from posthog_env_async.events import LimitWaited, RequestEnded, RetryScheduled, SeamRepaired

ROUTE = {"method": "GET", "route": "/api/projects/{project_id}/persons/", "call": 1}


def retry(wait: float) -> RetryScheduled:
    return RetryScheduled(attempt=1, status=429, error="RateLimitError", wait=wait, **ROUTE)


def answer(size: int) -> RequestEnded:
    return RequestEnded(
        attempt=1, status=200, bytes=size, seconds=0.1, waited=0.0, error=None, **ROUTE
    )


def test_the_sums_name_what_happened_and_no_more() -> None:
    quiet, busy = Watcher(), Watcher()

    quiet(answer(2_000))
    for event in (
        *(answer(1_000_000), answer(1_000_000), retry(0.5)),
        *(SeamRepaired(route="/"), LimitWaited(budget="persons", seconds=61.0, call=1)),
    ):
        busy(event)

    assert quiet.summary() == "1 request, 2.0 kB"
    assert busy.summary() == (
        "2 requests, 2.0 MB, 1 retry, 1 seam repaired, 1 min 01 s waited for limits"
    )


@pytest.mark.parametrize(
    ("wait", "quiet", "lines"), [(0.5, False, 0), (6.0, False, 1), (6.0, True, 0)]
)
def test_only_a_long_wait_for_a_retry_is_worth_a_line(
    wait: float, quiet: bool, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    Watcher(OutputOptions(quiet=quiet))(retry(wait))

    said = capsys.readouterr().err.splitlines()
    assert len(said) == lines
    assert all("(status 429), the next one follows in 6.0 s" in line for line in said)
