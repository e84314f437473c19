"""Resources: one module and one class each."""

from .client_status import ClientStatus
from .cohorts import Cohorts
from .endpoint_calls import EndpointCalls
from .logs import Logs
from .max_tools import MaxTools
from .persisted_folders import PersistedFolders
from .persons import Persons
from .project_scope import ProjectScope
from .projects import Projects

__all__ = [
    "ClientStatus",
    "Cohorts",
    "EndpointCalls",
    "Logs",
    "MaxTools",
    "PersistedFolders",
    "Persons",
    "ProjectScope",
    "Projects",
]
