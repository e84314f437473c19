"""The home folder of newer servers."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import attrs

__all__ = ["HomeFolder"]


@attrs.frozen
class HomeFolder:
    """Where the key's owner keeps things; `path` is `None` for a folder that is gone."""

    id: UUID
    path: str | None = attrs.field(default=None, repr=False)
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
