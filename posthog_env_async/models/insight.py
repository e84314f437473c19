"""Answers of Max, PostHog's AI."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from posthog_env_async.converter import as_mapping

__all__ = ["InsightAnswer"]

FAILURES = frozenset({"ai/failure", "generation_error"})


@attrs.frozen
class InsightAnswer:
    """What `max_tools.create_and_query_insight` gave (docs/server.md, Max tools).

    `entries` is the whole list as the server sent it, kinds unknown to this version included. A
    generation that failed is still a 200: look at `failed`.
    """

    entries: tuple[Mapping[str, Any], ...] = attrs.field(repr=False)

    @property
    def query(self) -> Mapping[str, Any] | None:
        """The query object of the answer (`TrendsQuery`, `HogQLQuery`, …), or `None`."""
        answers = (data.get("answer") for data in self._data if data.get("type") == "ai/viz")
        found = (as_mapping(answer) for answer in answers)
        return next((answer for answer in found if answer), None)

    @property
    def failed(self) -> bool:
        """Whether Max says that it could not do it."""
        return any(data.get("type") in FAILURES for data in self._data)

    @property
    def text(self) -> str:
        """What Max and its tools say, an entry a paragraph."""
        said = (data.get("content") for data in self._data)
        return "\n\n".join(content for content in said if isinstance(content, str) and content)

    @property
    def _data(self) -> Sequence[Mapping[str, Any]]:
        return [as_mapping(entry.get("data")) for entry in self.entries]
