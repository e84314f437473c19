"""Which rows become which model."""

from typing import Any, TypeVar

from posthog_env_async.converter import RowType, structured_rows

from .deletion import DELETION_ROWS, PersonDeletion
from .log_entry import LOG_ROWS, LogEntry
from .persisted_folder import FOLDER_ROWS, PersistedFolder
from .person import PERSON_ROWS, Person
from .project import KEY_ROWS, PROJECT_ROWS, APIKeyInfo, Project

__all__ = ["rows_of"]

T = TypeVar("T")

_OURS: dict[Any, RowType[Any]] = {
    APIKeyInfo: KEY_ROWS,
    LogEntry: LOG_ROWS,
    PersistedFolder: FOLDER_ROWS,
    Person: PERSON_ROWS,
    PersonDeletion: DELETION_ROWS,
    Project: PROJECT_ROWS,
}


def rows_of(model: type[T]) -> RowType[T]:
    """Return how rows become a model: ours the quick way, any attrs class field by field."""
    return _OURS.get(model) or structured_rows(model)
