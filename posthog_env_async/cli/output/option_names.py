"""Messages of the package in the words of the command line: `--project` for `project_id`."""

import re

__all__ = ["in_options"]

# What the package calls a parameter, and the option that gives it.
OPTIONS = {
    "project_id": "--project",
    "page_size": "--page-size",
    "max_items": "--max-items",
    "max_wait": "--max-wait",
    "on_gap": "--on-gap",
    "property_columns": "--columns",
    "quote_formulas": "--quote-formulas",
    "safe_names": "--safe-names",
    "add_project_id": "--add-project-id",
    "date_from": "--from",
    "date_to": "--to",
    "severity_levels": "--level",
    "service_names": "--service",
    "search_term": "--search",
    "order_by": "--order",
    "insight_type": "--type",
    "distinct_id": "--distinct-id",
    "distinct_ids": "--distinct-id",
    "max_response_bytes": "the limit of a body",
    "columns": "--columns",
    "compression": "--gzip or --zstd",
    "concurrency": "--concurrency",
    "email": "--email",
    "filters": "--filter",
    "format": "--format",
    "host": "--host",
    "limits": "--limit",
    "offset": "--offset",
    "overwrite": "--overwrite",
    "prefetch": "--prefetch",
    "prefix": "--prefix",
    "properties": "--property",
    "proxy": "--proxy",
    "query": "the question",
    "resume": "--restart",
    "search": "--search",
    "ssl": "--ca-file",
    "timeout": "--timeout",
}
PHRASES = (
    ("start over with resume=False (--restart)", "start over with --restart"),
    ("env.projects.list() shows", "posthog-env projects shows"),
    (", or pass on_unavailable=Share(processes)", ""),
    ("excel is for CSV", "--excel is for CSV"),
    ("the port of host", "the port of --host"),
    ("check host and network", "check --host and the network"),
    ("use list(distinct_id=…)", "use persons list --distinct-id"),
    ("format='ndjson', 'csv' or 'parquet'", "--format ndjson, csv or parquet"),
    (
        "a date is a datetime, an ISO text, or a relative text such as '-6h' or '-7d'",
        "--from and --to are ISO times, or times back such as -6h or -7d",
    ),
)
_GIVEN = re.compile(r"\b([a-z_]+)=(?:'([^']*)'|\"([^\"]*)\"|True|False|…)?")
_SUBJECT = re.compile(r"(?<![-\w])([a-z_]+)(?= must | of logs must )")
_UNDERSCORED = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def in_options(text: str) -> str:
    """Return a message with options where it names parameters."""
    for phrase, words in PHRASES:
        text = text.replace(phrase, words)
    text = _GIVEN.sub(_given, text)
    text = _SUBJECT.sub(_named, text)
    return _UNDERSCORED.sub(_named, text)


def _given(match: re.Match[str]) -> str:
    option = OPTIONS.get(match[1])
    if option is None:
        return match[0]
    value = match[2] or match[3]
    if option.startswith("--gzip"):
        return f"--{value}" if value in {"gzip", "zstd"} else option
    return f"{option} {value}" if value else option


def _named(match: re.Match[str]) -> str:
    return OPTIONS.get(match[0], match[0])
