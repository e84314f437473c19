"""One request, as the endpoints see it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import attrs
import msgspec

from .errors import hog, invalid
from .keys import Key
from .shapes import is_object

__all__ = ["Recorded", "Request"]

JSON_MISTAKE = "JSON parse error - Expecting value: line 1 column 1 (char 0)"
FORM = "application/x-www-form-urlencoded"


@attrs.frozen
class Recorded:
    """Keep what somebody asked, and the status that was answered.

    `path` is as sent (percent-encoded, without the query), `query` keeps the last of equal names,
    `headers` ignores case, `at` is the event loop's time in seconds. `status` is 0 where no answer
    was sent.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes
    status: int
    at: float

    def json(self) -> Any:
        """Decode the body, `None` when there is none."""
        return msgspec.json.decode(self.body) if self.body else None


@attrs.define
class Request:
    """Hold a request on its way; what is found out about it is filled in.

    `sent_path` is as sent, `routed` the same below `root`, `path` what links in the answer show.
    """

    method: str
    sent_path: str
    query_text: str
    headers: Mapping[str, str]
    body: bytes
    origin: str
    at: float
    path: str
    root: str = ""
    item: str = ""
    project: int = 0
    key: Key = attrs.field(factory=lambda: Key(""))
    renderer: str = "json"
    query: dict[str, str] = attrs.field(init=False)
    routed: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.query = dict(parse_qsl(self.query_text, keep_blank_values=True))
        self.routed = self.path

    @property
    def target(self) -> str:
        """Give path and query as sent."""
        return self.sent_path + (f"?{self.query_text}" if self.query_text else "")

    def link(self, *, offset: int) -> str:
        """Link to another offset of the same listing; 0 changes nothing.

        See docs/server.md, Paging.
        """
        text = self.query_text
        if offset and re.search(r"(^|&)offset=\d+", text):
            text = re.sub(r"(^|&)offset=\d+", rf"\g<1>offset={offset}", text)
        elif offset:
            text += f"{'&' if text else ''}offset={offset}"
        return f"{self.origin}{self.path}" + (f"?{text}" if text else "")

    def data(self) -> Any:
        """Parse the body: JSON or a form (docs/server.md, Persisted folders), else refuse."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind == FORM:
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        if not self.body:
            return {}
        if kind != "application/json":
            detail = f'Unsupported media type "{kind}" in request.'
            raise hog(415, "invalid_request", "unsupported_media_type", detail)
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise hog(400, "invalid_request", "parse_error", JSON_MISTAKE) from None

    def fields(self) -> dict[str, Any]:
        """Parse a body that has to be an object."""
        data = self.data()
        if not is_object(data):
            kind = type(data).__name__
            text = f"Invalid data. Expected a dictionary, but got {kind}."
            raise invalid("invalid_input", text, attr="non_field_errors")
        return data

    def json_fields(self) -> dict[str, Any]:
        """Parse a body that has to be a JSON object, on routes that take no forms."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            detail = f'Unsupported media type "{kind}" in request.'
            raise hog(415, "invalid_request", "unsupported_media_type", detail)
        return self.fields()

    def recorded(self, status: int) -> Recorded:
        """Turn into what is kept."""
        return Recorded(
            self.method, self.sent_path, self.query, self.headers, self.body, status, self.at
        )
