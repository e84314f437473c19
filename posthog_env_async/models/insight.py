"""Answers of Max, PostHog's AI."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import attrs

from posthog_env_async.converter import as_mapping, dump, load, with_text

from .model import Model

__all__ = ["InsightAnswer", "InsightType"]

InsightType = Literal["trends", "funnel", "retention", "sql"]
"""What Max can be asked for."""

FAILURES = frozenset({"ai/failure", "generation_error"})
ARTIFACTS = frozenset({"ai/artifact", "ai/notebook"})
NOTEBOOK = "notebook"


def _to_entries(entries: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(entries)


@attrs.frozen
class InsightAnswer(Model):
    """What `max_tools.create_and_query_insight` gave (docs/server.md, Max tools).

    `entries` is the whole list as the server sent it, kinds unknown to this version included. A
    generation that failed is still a 200: look at `failed`. An answer may hold a query, or come as
    an artifact or a notebook.
    """

    entries: tuple[Mapping[str, Any], ...] = attrs.field(
        converter=_to_entries, repr=False, hash=False
    )

    @property
    def query(self) -> Mapping[str, Any] | None:
        """The query object of the answer (`TrendsQuery`, `HogQLQuery`, …), or `None`."""
        answers = (data.get("answer") for data in self._data if data.get("type") == "ai/viz")
        found = (as_mapping(answer) for answer in answers)
        return next((answer for answer in found if answer), None)

    @property
    def artifacts(self) -> tuple[Mapping[str, Any], ...]:
        """What came as an artifact or a notebook, each as the server sent it."""
        return tuple(filter(_is_artifact, self.entries))

    @property
    def failed(self) -> bool:
        """Whether Max says that it could not do it."""
        return any(data.get("type") in FAILURES for data in self._data)

    @property
    def text(self) -> str:
        """What Max and its tools say, an entry a paragraph."""
        said = (data.get("content") for data in self._data)
        return "\n\n".join(content for content in said if isinstance(content, str) and content)

    def to_dict(self) -> dict[str, Any]:
        """Return `{"entries": […]}`: the server sends the list alone, as `to_json` does."""
        return {"entries": list(self.entries)}

    def to_json(self) -> bytes:
        """Return the list of entries as JSON: as the server sent it, where it came from it."""
        text = self._sent()
        return dump(list(self.entries)) if text is None else text

    @classmethod
    def _from_json(cls, text: bytes) -> Self:
        return with_text(cls(load(text)), text)

    @property
    def _data(self) -> Sequence[Mapping[str, Any]]:
        return [as_mapping(entry.get("data")) for entry in self.entries]


def _is_artifact(entry: Mapping[str, Any]) -> bool:
    return entry.get("type") == NOTEBOOK or as_mapping(entry.get("data")).get("type") in ARTIFACTS
