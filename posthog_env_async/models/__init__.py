"""Models: frozen data, one module a resource, no I/O."""

from .activity import ACTIVITY_ROWS, VALUE_ROWS, ActivityEntry, PropertyValue
from .cohort import COHORT_ROWS, Cohort
from .deletion import (
    DELETION_ROWS,
    DeletionError,
    DeletionStatus,
    DeletionSummary,
    PersonDeletion,
)
from .home_folder import HOME_ROWS, HomeFolder
from .insight import InsightAnswer, InsightType
from .log_entry import LOG_ROWS, LogEntry, LogLevel
from .log_facts import (
    ATTRIBUTE_ROWS,
    ATTRIBUTE_VALUE_ROWS,
    BUCKET_ROWS,
    SERVICE_ROWS,
    LogAttribute,
    LogAttributeValue,
    LogBucket,
    LogService,
)
from .persisted_folder import FOLDER_ROWS, PersistedFolder
from .person import PERSON_ROWS, Person
from .project import KEY_ROWS, PROJECT_ROWS, APIKeyInfo, Project
from .property_filter import FilterType, Operator, PropertyFilter
from .rows import rows_of

__all__ = [
    "ACTIVITY_ROWS",
    "ATTRIBUTE_ROWS",
    "ATTRIBUTE_VALUE_ROWS",
    "BUCKET_ROWS",
    "COHORT_ROWS",
    "DELETION_ROWS",
    "FOLDER_ROWS",
    "HOME_ROWS",
    "KEY_ROWS",
    "LOG_ROWS",
    "PERSON_ROWS",
    "PROJECT_ROWS",
    "SERVICE_ROWS",
    "VALUE_ROWS",
    "APIKeyInfo",
    "ActivityEntry",
    "Cohort",
    "DeletionError",
    "DeletionStatus",
    "DeletionSummary",
    "FilterType",
    "HomeFolder",
    "InsightAnswer",
    "InsightType",
    "LogAttribute",
    "LogAttributeValue",
    "LogBucket",
    "LogEntry",
    "LogLevel",
    "LogService",
    "Operator",
    "PersistedFolder",
    "Person",
    "PersonDeletion",
    "Project",
    "PropertyFilter",
    "PropertyValue",
    "rows_of",
]
