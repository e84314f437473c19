"""What the runs of one export say together."""

import pytest

from posthog_env_async.export.run import joined_reports
from posthog_env_async.pagination import ListingReport


def test_counts_add_up_and_the_end_is_the_last_run_s() -> None:
    before = ListingReport(items=5, pages=2, requests=3, moved=1, page_sizes=(10, 20))
    now = ListingReport(
        items=7, pages=1, requests=1, moved=2, page_sizes=(20,), end_proven=True, complete=True
    )

    joined = joined_reports(before, now)

    assert (joined.items, joined.pages, joined.requests, joined.moved) == (12, 3, 4, 3)
    assert (joined.page_sizes, joined.end_proven, joined.complete) == ((10, 20), True, True)


@pytest.mark.parametrize("doubt", ["seams_unproven", "contradictions", "bad_rows"])
def test_what_an_earlier_run_left_in_doubt_stays_in_doubt(doubt: str) -> None:
    now = ListingReport(items=7, complete=True, end_proven=True)

    assert joined_reports(ListingReport(), now).complete
    assert not joined_reports(ListingReport(**{doubt: 1}), now).complete
    assert not joined_reports(now, ListingReport(**{doubt: 1}, complete=True)).complete
