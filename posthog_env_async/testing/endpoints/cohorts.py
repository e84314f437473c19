"""The cohorts endpoints (docs/server.md)."""

from __future__ import annotations

from posthog_env_async.testing.data.cohorts_store import Cohort
from posthog_env_async.testing.http.csv_rows import csv_answer
from posthog_env_async.testing.http.errors import not_found
from posthog_env_async.testing.http.pages import standard_page
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import Response, json_answer
from posthog_env_async.testing.server_state import Installation

from .persons import read_window, write_page

__all__ = ["get_cohort", "list_cohort_persons", "list_cohorts"]


async def list_cohorts(site: Installation, call: Request) -> Response:
    """Answer the cohorts of the project."""
    project = site.projects[call.project]
    rows = [
        cohort.row(len(await cohort.keys(project.scans)))
        for cohort in project.cohorts.cohorts.values()
    ]
    return standard_page(call, rows)


async def get_cohort(site: Installation, call: Request) -> Response:
    """Answer one cohort."""
    cohort = _found(site, call)
    return json_answer(cohort.row(len(await cohort.keys(site.projects[call.project].scans))))


async def list_cohort_persons(site: Installation, call: Request) -> Response:
    """Answer a page of a cohort's persons, as the persons list does."""
    project = site.projects[call.project]
    number = site.before_persons_list(project)
    keys = await _found(site, call).keys(project.scans)
    if call.renderer == "csv":
        return await csv_answer(project.rows, keys)
    return write_page(call, project, read_window(site, call, keys, number))


def _found(site: Installation, call: Request) -> Cohort:
    cohorts = site.projects[call.project].cohorts.cohorts
    number = int(call.item) if call.item.isdecimal() else 0
    if number not in cohorts:
        raise not_found()
    return cohorts[number]
