"""Max tools: questions answered by PostHog's AI."""

from typing import Any, Literal, cast, get_args

import attrs

from posthog_env_async.converter import as_mapping, load, with_text
from posthog_env_async.errors import (
    ConfigurationError,
    EndpointNotAvailableError,
    NotFoundError,
    ResponseDecodeError,
)
from posthog_env_async.models import InsightAnswer, InsightType
from posthog_env_async.session import RetrySafety

from .project_scope import ProjectScope, is_text

__all__ = ["MaxTools"]

PATH = "max_tools/create_and_query_insight/"
SCOPE = ("insight:read", "query:read")
KINDS = get_args(InsightType)
MAX_QUESTION = 1000
TIMEOUT = 600.0
AVAILABILITY = (
    "It needs PostHog's enterprise code and consent to AI data processing; servers from late 2025"
    " on have it."
)


@attrs.frozen
class MaxTools:
    """PostHog's AI (docs/server.md, Max tools); needs the scopes `insight:read` and `query:read`.

    Ten questions a minute and a hundred a day for each user: a question is never asked again by
    itself.
    """

    _project: ProjectScope

    async def create_and_query_insight(
        self,
        query: str,
        insight_type: InsightType,
        *,
        format: Literal["json", "txt"] = "json",
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - for each attempt, as the client's own
        retry_throttled: bool = False,
    ) -> InsightAnswer:
        """Ask for an insight; takes tens of seconds to minutes, at most `timeout` seconds.

        `query` has at most 1,000 characters; `insight_type` is `trends`, `funnel`, `retention` or
        `sql`. With `retry_throttled` a refusal for the rate limit is waited out, as far as the
        client's `Backoff.max_wait` allows. An answer may still say that it failed: see
        `InsightAnswer.failed`.

        Raises:
            EndpointNotAvailableError: when the server lacks it, and for `format="txt"` on all but
                early servers.
            ConfigurationError: for a wrong argument; nothing was sent.
        """
        if not is_text(query) or len(query) > MAX_QUESTION:
            raise ConfigurationError(f"query must be a text of 1 to {MAX_QUESTION} characters")
        if insight_type not in KINDS:
            raise ConfigurationError(f"insight_type must be one of {', '.join(KINDS)}")
        if format not in {"json", "txt"}:
            raise ConfigurationError("format must be 'json' or 'txt'")
        request = self._project.request(
            PATH,
            method="POST",
            params={"format": format},
            json={"query": query, "insight_type": insight_type},
            scope=SCOPE,
            budget="max_tools",
            retry=RetrySafety.REFUSED if retry_throttled else RetrySafety.NEVER,
            accept="application/json" if format == "json" else "text/plain",
            timeout=timeout,
            availability=AVAILABILITY,
        )
        decode = _entries if format == "json" else _text
        try:
            return await self._project.session.fetch(request, decode)
        except NotFoundError as error:
            if format == "json" or isinstance(error, EndpointNotAvailableError):
                raise
            fields = _fields(error)
            gone = EndpointNotAvailableError(f"404 {fields['detail']}", **fields)
        raise gone


def _fields(error: NotFoundError) -> dict[str, Any]:
    detail = "this server no longer answers as txt; ask for json and read InsightAnswer.text"
    kept = ("status", "code", "type", "method", "url", "attempts", "body", "request_id")
    return {**{name: getattr(error, name) for name in kept}, "detail": detail}


def _entries(body: bytes) -> InsightAnswer:
    answer: object = load(body)
    entries = cast("list[object]", answer) if isinstance(answer, list) else [None]
    if not all(isinstance(entry, dict) for entry in entries):
        raise ResponseDecodeError("the answer is not an insight: expected a list of objects @ $")
    return with_text(InsightAnswer(map(as_mapping, entries)), body)


def _text(body: bytes) -> InsightAnswer:
    text = body.decode("utf-8", "replace")
    return InsightAnswer(({"type": "message", "data": {"type": "ai", "content": text}},))
