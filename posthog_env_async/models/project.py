"""Projects and the key's own record."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from posthog_env_async.converter import RowType, structured_rows

from .model import Model, to_mapping, to_texts, to_time

__all__ = ["KEY_ROWS", "PROJECT_ROWS", "APIKeyInfo", "Project"]


def _to_numbers(value: Iterable[int] | None) -> tuple[int, ...]:
    return () if value is None else tuple(value)


@attrs.frozen
class Project(Model):
    """A project that the key can use.

    Attributes:
        id: the number that `PostHogEnv` takes.
        name: what people call it.
        uuid: another name for it, which the API does not take.
        organization: the UUID of the organization that it belongs to.
        extra: fields of the row that this class does not name.
    """

    id: int
    name: str | None = attrs.field(default=None, repr=False)
    uuid: str | None = None
    organization: str | None = None
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


@attrs.frozen
class APIKeyInfo(Model):
    """What the server says of the key in use (docs/server.md, Authentication); never the key.

    Attributes:
        scopes: what the key may do, such as `person:read`; `*` is everything.
        label: the name that its owner gave it.
        scoped_teams: the projects that it is confined to; empty when it is not.
        scoped_organizations: the organizations that it is confined to; empty when it is not.
        created_at: when it was made.
        last_used_at: when it was last used, to the day or so.
        extra: fields of the record that this class does not name.
    """

    scopes: tuple[str, ...] = attrs.field(converter=to_texts)
    label: str | None = attrs.field(default=None, repr=False)
    scoped_teams: tuple[int, ...] = attrs.field(default=(), converter=_to_numbers)
    scoped_organizations: tuple[str, ...] = attrs.field(default=(), converter=to_texts)
    created_at: datetime | None = attrs.field(default=None, converter=to_time)
    last_used_at: datetime | None = attrs.field(default=None, converter=to_time)
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


PROJECT_ROWS: RowType[Project] = structured_rows(Project)

KEY_ROWS: RowType[APIKeyInfo] = structured_rows(APIKeyInfo)
