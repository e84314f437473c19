"""When to try again and how long to wait: the table of policies, as arithmetic."""

import math

import pytest

from posthog_env_async import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    Backoff,
    ConfigurationError,
    PaginationError,
    PostHogError,
    QueryTooExpensiveError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
)
from posthog_env_async.session import RetryQuota, RetrySafety, is_too_large

NOW = Backoff(base=0.0)
REFUSED = RateLimitError("429", status=429, retry_after=0.0)
UNSENT = APIConnectionError("refused", outcome_unknown=False)
LOST = APIConnectionError("reset", outcome_unknown=True)
UNTRUSTED = APIConnectionError("tls", retryable=False)
CUT = ResponseDecodeError("cut", retryable=True)
WRONG = ResponseDecodeError("wrong")


def status(number: int) -> APIStatusError:
    return ServerError(str(number), status=number)


@pytest.mark.parametrize(
    ("repeat", "error"),
    [
        *[
            (RetrySafety.SAFE, error)
            for error in (REFUSED, UNSENT, LOST, CUT, APITimeoutError("late"))
        ],
        *[
            (RetrySafety.SAFE, status(number))
            for number in (408, 502, 503, 504, 520, 524, 530, 500)
        ],
        (RetrySafety.UNSENT, REFUSED),
        (RetrySafety.UNSENT, UNSENT),
        (RetrySafety.REFUSED, REFUSED),
    ],
)
def test_what_is_tried_again(repeat: RetrySafety, error: PostHogError) -> None:
    assert NOW.wait_after(error, 1, repeat, 0.0) == 0.0


@pytest.mark.parametrize(
    ("repeat", "error"),
    [
        *[
            (RetrySafety.SAFE, status(number))
            for number in (400, 401, 402, 403, 404, 409, 501, 512, 513)
        ],
        (RetrySafety.SAFE, UNTRUSTED),
        (RetrySafety.SAFE, WRONG),
        (RetrySafety.SAFE, PaginationError("gap")),
        (RetrySafety.UNSENT, LOST),
        (RetrySafety.UNSENT, CUT),
        *[(RetrySafety.UNSENT, status(number)) for number in (500, 502, 503, 504)],
        (RetrySafety.REFUSED, UNSENT),
        (RetrySafety.REFUSED, status(503)),
        *[(RetrySafety.NEVER, error) for error in (REFUSED, UNSENT, LOST, status(503))],
    ],
)
def test_what_is_raised_at_once(repeat: RetrySafety, error: PostHogError) -> None:
    assert NOW.wait_after(error, 1, repeat, 0.0) is None


def test_a_500_is_tried_again_at_most_twice() -> None:
    waits = [NOW.wait_after(status(500), attempt, RetrySafety.SAFE, 0.0) for attempt in (1, 2, 3)]

    assert waits == [0.0, 0.0, None]


def test_the_last_attempt_is_the_last() -> None:
    backoff = Backoff(base=0.0, max_attempts=3)

    waits = [backoff.wait_after(UNSENT, attempt, RetrySafety.SAFE, 0.0) for attempt in (1, 2, 3)]

    assert waits == [0.0, 0.0, None]


def test_a_wait_doubles_up_to_the_cap() -> None:
    longest = [Backoff().delay(attempt, lambda _, most: most) for attempt in range(1, 9)]

    assert longest == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_wait_is_drawn_from_nothing_to_the_longest() -> None:
    drawn = list[tuple[float, float]]()

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return 0.25

    assert Backoff(base=1.0, cap=2.0).delay(2, draw) == 0.25
    assert drawn == [(0.0, 2.0)]


def test_the_wait_that_the_server_asks_for_is_kept() -> None:
    error = RateLimitError("429", status=429, retry_after=42.0)

    assert Backoff().wait_after(error, 1, RetrySafety.SAFE, 0.0) == 42.0


def test_a_wait_above_the_longest_raises_at_once() -> None:
    error = RateLimitError("429", status=429, retry_after=121.0)

    assert Backoff().wait_after(error, 1, RetrySafety.SAFE, 0.0) is None
    assert Backoff(max_wait=121.0).wait_after(error, 1, RetrySafety.SAFE, 0.0) == 121.0


@pytest.mark.parametrize(("elapsed", "wait"), [(0.0, 5.0), (5.0, 5.0), (5.1, None)])
def test_a_wait_that_would_end_after_the_deadline_is_not_begun(
    elapsed: float, wait: float | None
) -> None:
    error = RateLimitError("429", status=429, retry_after=5.0)

    assert Backoff(deadline=10.0).wait_after(error, 1, RetrySafety.SAFE, elapsed) == wait


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"base": -1.0},
        {"cap": -0.1},
        {"max_wait": math.nan},
        {"deadline": -1.0},
    ],
)
def test_a_policy_that_cannot_work_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Backoff(**wrong)  # type: ignore[arg-type]  # pyright: ignore


def test_one_attempt_is_a_policy_too() -> None:
    assert Backoff(max_attempts=1).wait_after(UNSENT, 1, RetrySafety.SAFE, 0.0) is None


def test_a_dying_server_is_left_alone_when_the_quota_is_spent() -> None:
    quota = RetryQuota(capacity=20.0, cost=10.0)

    paid = [quota.spend(UNSENT) for _ in range(3)]

    assert paid == [True, True, False]


def test_an_answer_gives_one_retry_back_and_no_more_than_there_were() -> None:
    quota = RetryQuota(capacity=20.0, cost=10.0)
    quota.restore()
    quota.spend(UNSENT)
    quota.spend(UNSENT)

    quota.restore()

    assert quota.left == 10.0


def test_a_refusal_for_the_rate_limit_costs_nothing() -> None:
    quota = RetryQuota(capacity=0.0)

    assert quota.spend(REFUSED)


@pytest.mark.parametrize(
    ("error", "smaller"),
    [
        (APITimeoutError("late"), True),
        (QueryTooExpensiveError("512", status=512), True),
        (status(502), True),
        (status(504), True),
        (status(524), True),
        (status(500), False),
        (status(503), False),
        (REFUSED, False),
        (LOST, False),
    ],
)
def test_what_may_come_when_less_is_asked_for(error: PostHogError, smaller: bool) -> None:
    assert is_too_large(error) is smaller
