"""Which endpoint a path and a method mean."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import unquote

import attrs

from posthog_env_async.testing.endpoints.cohorts import (
    get_cohort,
    list_cohort_persons,
    list_cohorts,
)
from posthog_env_async.testing.endpoints.folders import (
    create_folder,
    delete_folder,
    get_folder,
    get_home_folder,
    list_folders,
    replace_folder,
    update_folder,
)
from posthog_env_async.testing.endpoints.log_facts import (
    count_logs,
    has_logs,
    list_attribute_values,
    list_attributes,
    list_services,
    logs_sparkline,
)
from posthog_env_async.testing.endpoints.logs import query_logs
from posthog_env_async.testing.endpoints.max_tools import create_insight
from posthog_env_async.testing.endpoints.person_changes import (
    delete_property,
    reset_distinct_id,
    split_person,
    update_person,
    update_property,
)
from posthog_env_async.testing.endpoints.person_erasure import (
    bulk_delete,
    delete_data,
    delete_person,
    list_deletions,
)
from posthog_env_async.testing.endpoints.person_lookup import (
    batch_by_distinct_ids,
    batch_by_uuids,
    list_activity,
    list_values,
    person_at_time,
    person_cohorts,
)
from posthog_env_async.testing.endpoints.persons import (
    create_person,
    get_person,
    list_persons,
)
from posthog_env_async.testing.endpoints.projects import get_key, get_project, list_projects
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import Response

from .server_state import Installation, Settings

__all__ = ["Endpoint", "Route", "find_route"]

Handler = Callable[[Installation, Request], Awaitable[Response]]
PROJECT_PATH = re.compile(r"/api/(?P<prefix>environments|projects)/(?P<project>[^/]+)/(?P<rest>.*)")


@attrs.frozen
class Endpoint:
    """Hold one method of a route."""

    handler: Handler
    scope: str = ""
    scopes: tuple[str, ...] = ()
    throttle: str = ""

    def required(self, settings: Settings) -> tuple[str, ...]:
        """Give the scopes that a key needs."""
        if self.scope == "logs":
            return ("logs:read",) if settings.version == "new" else ("error_tracking:read",)
        return self.scopes or ((self.scope,) if self.scope else ())


@attrs.frozen
class Route:
    """Hold one route: what follows the project, its methods, renderers and class of throttle."""

    pattern: str
    methods: Mapping[str, Endpoint]
    throttle: str = "default"
    renderers: tuple[str, ...] = ("json",)
    feature: str = ""


READ, WRITE = "person:read", "person:write"
FOLDER_READ, FOLDER_WRITE = "persisted_folder:read", "persisted_folder:write"


def _action(path: str, method: str, endpoint: Endpoint) -> Route:
    return Route(f"persons/{path}", {method: endpoint}, throttle="persons")


DETAIL = "(?P<item>[^/]+)"
DELETING = "persons_delete"
PERSON_ACTIONS = (
    _action("bulk_delete", "POST", Endpoint(bulk_delete, WRITE, throttle=DELETING)),
    _action("deletion_status", "GET", Endpoint(list_deletions, READ)),
    _action("batch_by_distinct_ids", "POST", Endpoint(batch_by_distinct_ids, READ)),
    _action("batch_by_uuids", "POST", Endpoint(batch_by_uuids, READ)),
    _action("values", "GET", Endpoint(list_values, READ)),
    _action("cohorts", "GET", Endpoint(person_cohorts, scopes=(READ, "cohort:read"))),
    _action("activity", "GET", Endpoint(list_activity, "activity_log:read")),
    _action("properties_at_time", "GET", Endpoint(person_at_time, READ)),
    _action("reset_person_distinct_id", "POST", Endpoint(reset_distinct_id, WRITE)),
    _action(f"{DETAIL}/activity", "GET", Endpoint(list_activity, "activity_log:read")),
    _action(f"{DETAIL}/split", "POST", Endpoint(split_person, WRITE)),
    _action(f"{DETAIL}/update_property", "POST", Endpoint(update_property, WRITE)),
    _action(f"{DETAIL}/delete_property", "POST", Endpoint(delete_property, WRITE)),
    _action(f"{DETAIL}/delete_events", "POST", Endpoint(delete_data, WRITE, throttle=DELETING)),
    _action(f"{DETAIL}/delete_recordings", "POST", Endpoint(delete_data, WRITE, throttle=DELETING)),
)
ROUTES = (
    Route(
        "persons",
        {"GET": Endpoint(list_persons, READ), "POST": Endpoint(create_person)},
        throttle="persons",
        renderers=("json", "csv"),
    ),
    *PERSON_ACTIONS,
    Route(
        f"persons/{DETAIL}",
        {
            "GET": Endpoint(get_person, READ),
            "PATCH": Endpoint(update_person, WRITE),
            "PUT": Endpoint(update_person, WRITE),
            "DELETE": Endpoint(delete_person, WRITE, throttle=DELETING),
        },
        throttle="persons",
        renderers=("json", "csv"),
    ),
    Route("cohorts", {"GET": Endpoint(list_cohorts, "cohort:read")}),
    Route(f"cohorts/{DETAIL}", {"GET": Endpoint(get_cohort, "cohort:read")}),
    Route(
        f"cohorts/{DETAIL}/persons",
        {"GET": Endpoint(list_cohort_persons, scopes=("cohort:read", READ))},
        throttle="persons",
        renderers=("json", "csv"),
    ),
    Route("file_system/home_folder", {"POST": Endpoint(get_home_folder)}, feature="home_folder"),
    Route("logs/count", {"POST": Endpoint(count_logs, "logs:read")}, feature="logs"),
    Route("logs/sparkline", {"POST": Endpoint(logs_sparkline, "logs:read")}, feature="logs"),
    Route("logs/services", {"POST": Endpoint(list_services, "logs:read")}, feature="logs"),
    Route("logs/attributes", {"GET": Endpoint(list_attributes, "logs:read")}, feature="logs"),
    Route("logs/values", {"GET": Endpoint(list_attribute_values, "logs:read")}, feature="logs"),
    Route("logs/has_logs", {"GET": Endpoint(has_logs, "logs:read")}, feature="logs"),
    Route(
        "persisted_folder",
        {"GET": Endpoint(list_folders, FOLDER_READ), "POST": Endpoint(create_folder, FOLDER_WRITE)},
        feature="folders",
    ),
    Route(
        r"persisted_folder/(?P<item>[^/]+)",
        {
            "GET": Endpoint(get_folder, FOLDER_READ),
            "PUT": Endpoint(replace_folder, FOLDER_WRITE),
            "PATCH": Endpoint(update_folder, FOLDER_WRITE),
            "DELETE": Endpoint(delete_folder, FOLDER_WRITE),
        },
        feature="folders",
    ),
    Route("logs/query", {"POST": Endpoint(query_logs, "logs")}),
    Route(
        "max_tools/create_and_query_insight",
        {"POST": Endpoint(create_insight, scopes=("insight:read", "query:read"))},
        throttle="max_tools",
        feature="max_tools",
    ),
    Route("", {"GET": Endpoint(get_project, "project:read")}, feature="projects"),
)
GLOBAL_ROUTES = (
    Route("/api/projects", {"GET": Endpoint(list_projects, "project:read")}),
    Route("/api/personal_api_keys/@current", {"GET": Endpoint(get_key)}),
)


def find_route(path: str) -> tuple[Route, re.Match[str] | None, str] | None:
    """Find the route of a path: with the match of its project, if it has one, and its item."""
    for route in GLOBAL_ROUTES:
        if path.removesuffix("/") == route.pattern:
            return route, None, ""
    project = PROJECT_PATH.fullmatch(path)
    if project is None:
        return None
    rest = project["rest"].removesuffix("/")
    for route in ROUTES:
        match = re.fullmatch(route.pattern, rest)
        if match is not None:
            return route, project, unquote(match.groupdict().get("item", ""))
    return None
