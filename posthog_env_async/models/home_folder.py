"""The home folder of newer servers."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import attrs

from posthog_env_async.converter import RowType, structured_rows

from .model import Model, to_mapping, to_uuid

__all__ = ["HOME_ROWS", "HomeFolder"]


@attrs.frozen
class HomeFolder(Model):
    """Where the key's owner keeps things; `path` is `None` for a folder that is gone."""

    id: UUID = attrs.field(converter=to_uuid)
    path: str | None = attrs.field(default=None, repr=False)
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


HOME_ROWS: RowType[HomeFolder] = structured_rows(HomeFolder)
