"""Messages of the package in the words of the command line: `--project` for `project_id`."""

import re

__all__ = ["in_options"]

# Parameters of the package whose options have the same name.
SAME = (
    "page_size max_items max_wait on_gap quote_formulas safe_names add_project_id"
    " distinct_id columns concurrency email format host offset overwrite prefetch prefix proxy"
    " search timeout"
)
# What the package calls a parameter, and the option that gives it.
OPTIONS = {name: f"--{name.replace('_', '-')}" for name in SAME.split()} | {
    "project_id": "--project",
    "property_columns": "--columns",
    "date_from": "--from",
    "date_to": "--to",
    "severity_levels": "--level",
    "service_names": "--service",
    "search_term": "--search",
    "order_by": "--order",
    "insight_type": "--type",
    "distinct_ids": "--distinct-id",
    "max_response_bytes": "the limit of a body",
    "compression": "--gzip or --zstd",
    "filters": "--filter",
    "limits": "--limit",
    "properties": "--property",
    "query": "the question",
    "resume": "--restart",
    "ssl": "--ca-file",
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
# What is quoted is the name of a column or field.
_UNDERSCORED = re.compile(r"(?<!')(?<!'properties\.)\b[a-z]+(?:_[a-z]+)+\b")


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
