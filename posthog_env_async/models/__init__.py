"""Models: frozen data, one module a resource, no I/O."""

from .insight import InsightAnswer
from .log_entry import LOG_ROWS, LogEntry
from .persisted_folder import FOLDER_ROWS, PersistedFolder
from .person import PERSON_ROWS, Person
from .project import PROJECT_ROWS, APIKeyInfo, Project
from .property_filter import PropertyFilter

__all__ = [
    "FOLDER_ROWS",
    "LOG_ROWS",
    "PERSON_ROWS",
    "PROJECT_ROWS",
    "APIKeyInfo",
    "InsightAnswer",
    "LogEntry",
    "PersistedFolder",
    "Person",
    "Project",
    "PropertyFilter",
]
