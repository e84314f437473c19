"""Numbers, verdicts, progress and advice, as the command line says them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import anyio
import pytest

pytest.importorskip("cyclopts")

from posthog_env_async import (
    APIConnectionError,
    AuthenticationError,
    CheckpointError,
    ConfigurationError,
    ExportError,
    Limit,
    ListingReport,
    PaginationError,
    PostHogEnv,
    PostHogError,
    QuotaExceededError,
    RateLimitError,
)
from posthog_env_async.cli.commands.export.totals import shortage
from posthog_env_async.cli.output.console import cell
from posthog_env_async.cli.output.exit_codes import outcome_of, resume_time
from posthog_env_async.cli.output.progress import Display, ProgressRow
from posthog_env_async.cli.output.stream import verdict
from posthog_env_async.cli.output.wording import (
    counted,
    duration,
    size_text,
    window_name,
)
from posthog_env_async.session import Permit, RateLimiter, as_limits


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.26, "0.3 s"), (12.4, "12 s"), (61, "1 min 01 s"), (3_720, "1 h 02 min")],
)
def test_a_duration_is_shown_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(12, "12 B"), (1_200, "1.2 kB"), (3_400_000, "3.4 MB"), (5_600_000_000, "5.6 GB")],
)
def test_a_size_is_shown_in_the_unit_that_fits(size: int, text: str) -> None:
    assert size_text(size) == text


def test_a_number_has_its_noun() -> None:
    assert [counted(1, "entry"), counted(1_000, "entry"), counted(0, "page")] == [
        *("1 entry", "1,000 entries", "0 pages")
    ]


def test_a_window_has_a_name() -> None:
    assert [window_name(60.0), window_name(90.0)] == ["minute", "90 s"]


def moments(*seconds: float) -> Iterator[float]:
    yield from seconds


def test_a_row_says_how_fast_it_is_and_when_it_ends() -> None:
    clock = moments(0.0, *[10.0] * 20)
    row = ProgressRow("project 1", total=3_000, now=lambda: next(clock))

    row.add(1_000)

    assert row.numbers() == ["1,000 of 3,000 persons", "100/s", "1 page"]
    assert row.eta(short=True) == "20 s left"
    assert row.eta().startswith("ends about ")
    assert row.eta().endswith("(in 20 s)")


def test_a_row_does_not_guess_an_end_too_early_or_without_a_total() -> None:
    early, endless = ProgressRow("a", total=10, now=lambda: 0.0), ProgressRow("b")

    early.add(1)

    assert (early.eta(), endless.eta(), endless.seconds, endless.rate) == ("", "", 0.0, 0.0)


def test_what_an_earlier_run_read_does_not_count_for_the_speed() -> None:
    clock = moments(0.0, *[10.0] * 20)
    row = ProgressRow("a", before=900, now=lambda: next(clock))

    row.add(1_000)
    row.end("done")

    assert row.rate == 10.0
    assert row.eta() == "done"


def connection_error(url: str) -> APIConnectionError:
    return APIConnectionError("nobody listens", url=url)


def status_error(kind: type[AuthenticationError | QuotaExceededError]) -> PostHogError:
    return kind("no", status=(kind is QuotaExceededError and 402) or 401)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigurationError("timeout must be more"), 2, "--timeout must be more"),
        (CheckpointError("of another export"), 2, "of another export"),
        (ExportError("no room", errno=28), 1, "no room"),
        (ExportError("not ours"), 2, "not ours"),
        (PaginationError("a page repeats"), 3, "a page repeats"),
        (connection_error("http://x"), 1, "posthog-env doctor"),
        (connection_error(""), 1, "nobody listens"),
        (status_error(AuthenticationError), 1, "--host eu"),
        (status_error(QuotaExceededError), 1, "quota is used up"),
        (RateLimitError("429 slow down", status=429), 75, "the server refused: 429 slow down"),
        (RateLimitError("429 slow down", status=429, retry_after=60.0), 75, "resume after"),
        (RateLimitError("own limit", status=429, sent=False), 75, "own limit: try again later"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (OSError("odd"), 1, "odd"),
    ],
)
def test_an_error_has_its_exit_code_and_advice(
    error: PostHogError | OSError, code: int, words: str
) -> None:
    outcome = outcome_of(error)

    assert outcome.code == code
    assert words in outcome.line


def test_a_time_to_resume_has_its_day_when_it_is_not_today() -> None:
    tomorrow = datetime.now().astimezone() + timedelta(days=2)

    assert resume_time(2 * 86_400.0).startswith(f"{tomorrow:%Y-%m-}")
    assert len(resume_time(0.0).split()) >= 2


def test_a_cell_has_no_control_characters() -> None:
    assert str(cell("a\n\x1b[31mb\ud800")) == "a\n\ufffd[31mb?"
    assert str(cell(("a", 1))) == "a, 1"
    assert str(cell({"a": [1]})) == '{"a": [1]}'
    assert str(cell(datetime.fromisoformat("2026-01-01T02:00:00+02:00"))) == "2026-01-01 00:00:00Z"
    assert str(cell(None)) == ""


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (
            ListingReport(items=1, pages=1, requests=2, end_proven=True, complete=True),
            "1 person · 1 page · 2 requests · complete",
        ),
        (
            ListingReport(
                items=3_000,
                pages=2,
                requests=4,
                duplicates_dropped=2,
                moved=1,
                seams_repaired=1,
                rows_read_again=10,
                page_sizes=(1_000, 2_000),
                complete=True,
            ),
            "3,000 persons · 2 pages · 4 requests · 2 duplicates dropped · 1 person moved"
            " · 1 seam repaired · 10 rows read again · page sizes 1000, 2000 · complete",
        ),
        (
            ListingReport(
                seams_unproven=1, contradictions=2, bad_rows=3, rows_forgotten=1, end_proven=True
            ),
            "0 persons · 0 pages · 0 requests · 1 row forgotten · NOT complete: 1 seam unproven,"
            " 2 contradictions of the server left, 3 rows unreadable and skipped",
        ),
        (
            ListingReport(items=5, pages=1, requests=1),
            "5 persons · 1 page · 1 request · NOT complete: end not proven",
        ),
    ],
)
def test_a_verdict_says_what_happened_and_why_it_is_not_complete(
    report: ListingReport, text: str
) -> None:
    assert verdict(report, "person") == text


async def test_a_display_says_nothing_while_nothing_is_under_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    waiting, reading = ProgressRow("a", "person"), ProgressRow("b", "person")
    async with Display([waiting], footer=lambda: "footer", every=0.01):
        await anyio.sleep(0.05)
    nothing = capsys.readouterr().err
    reading.start()
    async with Display([reading], every=0.01):
        await anyio.sleep(0.05)

    assert nothing == ""
    assert "0 persons" in capsys.readouterr().err


class SilentLimiter:
    """A limiter that does not tell what it has left."""

    async def acquire(self, budget: str, *, max_wait: float) -> Permit:
        raise NotImplementedError

    async def block(self, budget: str, seconds: float) -> None:
        """Do nothing."""

    def is_limited(self, budget: str) -> bool:
        return True

    def blocked_for(self, budget: str) -> float:
        return 0.0


async def test_no_limit_is_too_small_where_none_is_told() -> None:
    listing = PostHogEnv(1, api_key="phx_x").persons.list(page_size=10)

    assert await shortage(SilentLimiter(), "persons", [(listing, 1_000)], waits=False) is None


async def test_the_longest_window_that_is_too_small_is_named() -> None:
    listing = PostHogEnv(1, api_key="phx_x").persons.list(page_size=10)
    limiter = RateLimiter(as_limits([Limit(1_000, 3_600.0), Limit(10, 60.0)]))

    text = await shortage(limiter, "persons", [(listing, 1_000)], waits=False)

    assert text is not None
    assert text.startswith("needs 100 requests, the minute has 10 left")
