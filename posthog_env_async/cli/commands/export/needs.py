"""What an export needs, and which of it is there: `posthog-env export` alone says so."""

import os
from collections.abc import Iterator, Mapping

__all__ = ["needs"]

KEY = "POSTHOG_PERSONAL_API_KEY"
PROJECT = "POSTHOG_PROJECT_ID"
HOST = "POSTHOG_HOST"


def needs(environment: Mapping[str, str] = os.environ) -> str:
    """Return what to give next, a line each; no value of a key."""
    return "\n".join(_lines(environment))


def _lines(environment: Mapping[str, str]) -> Iterator[str]:
    yield "An export needs:"
    yield "  what      persons, cohort ID, folders or logs, as in: posthog-env export persons"
    key = f"{KEY} is set" if environment.get(KEY) else f"set {KEY}, or give --key-file FILE"
    yield f"  a key     {key}"
    host = environment.get(HOST)
    yield f"  a host    {f'{HOST} is {host}' if host else f'us, unless {HOST} or --host says else'}"
    project = environment.get(PROJECT)
    given = f"{PROJECT} is {project}" if project else f"set {PROJECT}, or give --project 1-5,9"
    yield f"  projects  {given}; or --all-projects"
    yield "  a file    --out FILE.ndjson, .csv or .parquet, or a folder; else one in this folder"
    yield "posthog-env export persons --help shows every option, with examples."
