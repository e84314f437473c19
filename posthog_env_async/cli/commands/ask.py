"""`posthog-env ask`: a question to PostHog's AI."""

from collections.abc import Sequence
from json import dumps
from typing import Annotated, Literal

from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.output.console import for_people, print_message, show_table, write_json
from posthog_env_async.cli.output.exit_codes import FAILED, OK
from posthog_env_async.models import InsightAnswer

__all__ = ["app", "ask"]

EXAMPLES = """Examples:

  posthog-env ask "weekly active users by plan, last 90 days"
  posthog-env ask "signups that paid within a week" --type funnel --json | jq .data.answer

Ten questions a minute and a hundred a day; an answer takes up to minutes."""

ANSWER_SECONDS = 600.0

app = App(name="ask", help_epilogue=EXAMPLES + EXIT_CODES)


@app.default
async def ask(
    question: Annotated[str, Parameter(help="At most 1,000 characters.")],
    /,
    *,
    type: Annotated[
        Literal["trends", "funnel", "retention", "sql"], Parameter(help="The kind of insight.")
    ] = "trends",
    format: Annotated[
        Literal["json", "txt"], Parameter(help="txt is for early servers only.")
    ] = "json",
    patience: Annotated[float, Parameter(help="Seconds for the answer.")] = ANSWER_SECONDS,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Ask PostHog's AI for an insight; exit code 1 when it says that it could not make one."""
    async with options.client() as env:
        answer = await env.max_tools.create_and_query_insight(
            question, type, format=format, timeout=patience, retry_throttled=options.wait
        )
    if for_people(json=options.json):
        _show(answer)
    else:
        for entry in answer.entries:
            write_json(entry)
    if answer.failed:
        print_message(
            "error: PostHog's AI could not make this insight; ask in other words", style="red"
        )
    return FAILED if answer.failed else OK


def _show(answer: InsightAnswer) -> None:
    rows: Sequence[tuple[str, object]] = [
        ("answer", answer.text),
        ("query", None if answer.query is None else dumps(answer.query, indent=2)),
        *(("artifact", dumps(artifact, indent=2)) for artifact in answer.artifacts),
    ]
    show_table(("", ""), rows)
