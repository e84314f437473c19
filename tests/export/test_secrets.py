"""What the error of an export shows of the rows: nothing, not even in the locals of its frames."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from exports import locals_of
from posthog_env_async import PostHogEnv, PostHogError
from posthog_env_async.export import export
from posthog_env_async.testing import FakePostHog, Fault

EMAIL = "@example."


@contextmanager
def small_disk() -> Iterator[None]:
    """Let no file grow beyond 100 kB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("name", "disk", "faults", "options"),
    [
        ("p.ndjson", small_disk(), [], {}),
        ("p.csv", small_disk(), [], {}),
        ("p.ndjson", nullcontext(), [Fault(500, after=3, times=9)], {}),
        ("p.csv", nullcontext(), [Fault(500, after=3, times=9)], {}),
        ("p.csv", nullcontext(), [], {"columns": ["nonsense"], "model": dict}),
        ("p.parquet", nullcontext(), [], {"columns": ["nonsense"], "model": dict}),
    ],
    ids=[
        *("no room for NDJSON", "no room for CSV", "a server error and NDJSON"),
        *("a server error and CSV", "a CSV column that is not there"),
        "a Parquet column that is not there",
    ],
)
async def test_no_value_of_a_row_is_in_the_frames_of_an_error(
    env: PostHogEnv,
    fake: FakePostHog,
    tmp_path: Path,
    name: str,
    disk: Any,
    faults: list[Fault],
    options: dict[str, Any],
) -> None:
    fake.faults += faults

    with disk, pytest.raises(PostHogError) as caught:
        await export(
            env.persons.list(page_size=100), tmp_path / name, checkpoint_every=0.0, **options
        )

    assert EMAIL not in locals_of(caught.value)
