"""The simulation of the documentation: what it says holds for every number of workers."""

import sys

import pytest

from posthog_env_async import Limit

from .conftest import ROOT

if not (ROOT / "benchmarks").exists():
    pytest.skip("the benchmarks are not part of this distribution", allow_module_level=True)
sys.path.append(str(ROOT))

from benchmarks.simulation import Job, simulate


@pytest.mark.parametrize("workers", [1, 7, 1000])
@pytest.mark.parametrize("projects", [1, 40])
def test_workers_that_share_a_limit_are_never_refused(workers: int, projects: int) -> None:
    outcome = simulate(Job(workers=workers, projects=projects, persons=500_000))

    assert outcome.refused == 0
    assert outcome.requests >= 500


def test_workers_beyond_the_second_add_nothing_under_one_key() -> None:
    few, many = (simulate(Job(workers=n, persons=2_000_000)).seconds for n in (4, 500))

    assert many > few * 0.95


def test_workers_that_count_for_themselves_are_refused() -> None:
    assert simulate(Job(workers=100, persons=1_000_000, shared=False)).refused > 100


def test_a_job_ends_though_workers_die_and_persons_come_and_go() -> None:
    windows = (Limit(240, 60.0), Limit(1200, 3600.0))

    outcome = simulate(
        Job(workers=20, persons=3_000_000, windows=windows, deaths=1 / 600, inserts=2, deletes=2)
    )

    assert outcome.refused == 0
    assert outcome.redone > 0
    assert outcome.requests >= 3_000
