"""The types that users see, pinned: checked by mypy and pyright, never run."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, assert_type
from uuid import UUID

import attrs

from posthog_env_async import (
    ActivityEntry,
    APIKeyInfo,
    APIStatusError,
    Backoff,
    ClientClosedError,
    CursorListing,
    DeletionStatus,
    DeletionSummary,
    ExportError,
    FilterType,
    HomeFolder,
    InsightAnswer,
    InsightType,
    Limit,
    LimiterUnavailableError,
    Limits,
    Listing,
    ListingReport,
    ListingRun,
    LogAttribute,
    LogAttributeValue,
    LogBucket,
    LogEntry,
    LogLevel,
    LogService,
    MissingScopeError,
    Operator,
    Page,
    PersistedFolder,
    Person,
    PersonDeletion,
    PostHogEnv,
    PostHogError,
    Project,
    PropertyFilter,
    PropertyValue,
    Response,
    key_from_file,
)
from posthog_env_async import Cohort as PostHogCohort
from posthog_env_async.erasure import ErasureReport, check, erase
from posthog_env_async.events import Event, RequestEnded
from posthog_env_async.integrations import opentelemetry, prometheus


@attrs.frozen
class Cohort:
    """A model of the caller's own."""

    id: int
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


async def oauth_key() -> tuple[str, datetime]:
    return "pha_", datetime.now(UTC)


def watch(event: Event) -> None:
    if isinstance(event, RequestEnded):
        assert_type(event.status, int | None)
        assert_type(event.seconds, float)


async def the_options(env: PostHogEnv) -> None:
    options = env.with_options(timeout=5.0, backoff=Backoff(), headers={}, prefix="projects")
    assert_type(options, PostHogEnv)
    response = await options.send("GET", "cohorts/", scope="cohort:read")
    assert_type(response, Response)
    assert_type(response.status, int)
    assert_type(response.headers["x"], str)
    assert_type(response.headers.getall("x"), tuple[str, ...])
    assert_type(response.body, bytes)
    assert_type(response.elapsed, float)
    assert_type(response.json(), Any)
    assert_type(env.listing("cohorts/"), Listing[dict[str, Any]])
    assert_type(env.listing("cohorts/", model=Cohort), Listing[Cohort])
    assert_type(opentelemetry.observer(), Callable[[Event], None])
    assert_type(prometheus.observer(), Callable[[Event], None])
    try:
        await env.request("DELETE", "cohorts/1/")
    except (ExportError, ClientClosedError, LimiterUnavailableError) as error:
        assert_type(error.resume_token, str | None)


async def the_client() -> None:
    limits = Limits(persons=[Limit(240, 60.0)], default=None)
    backoff = Backoff(max_attempts=3, base=0.1, cap=5.0, max_wait=60.0, deadline=300.0)
    async with PostHogEnv(
        1,
        api_key="phx_",
        host="eu",
        prefix="projects",
        timeout=30.0,
        backoff=backoff,
        limits=limits,
    ) as env:
        assert_type(env, PostHogEnv)
        assert_type(env.for_project(2), PostHogEnv)
        assert_type(await env.key(), APIKeyInfo)
        assert_type(env.throttled_until, datetime | None)
        assert_type(env.project_id, str)
        assert_type(env.host, str)
        assert_type(env.requests, int)
        assert_type(env.retries, int)
        assert_type(await env.request("GET", "cohorts/", params={"limit": 1}), Any)
        assert_type(await env.aclose(), None)
    PostHogEnv("@current", limits=[Limit(1, 1.0)])
    PostHogEnv(api_key=key_from_file("key"), headers={"X-Team": "growth"}, observer=watch)
    PostHogEnv(api_key=oauth_key, prefix="auto")
    PostHogEnv(limits=None)


async def the_people(env: PostHogEnv, ids: list[str], uuids: list[UUID]) -> None:
    assert_type(await env.persons.get_many(distinct_ids=ids), dict[str, Person])
    assert_type(await env.persons.get_many(uuids=uuids), dict[UUID, Person])
    async for pair in env.persons.lookup(uuids, by="uuid", concurrency=2):
        assert_type(pair, tuple[UUID, Person | None])
    assert_type(await env.persons.update(1, {"plan": None}, wait=5.0), bool | None)
    assert_type(await env.persons.set_property(1, "plan", "scale"), bool | None)
    assert_type(await env.persons.unset_property(1, "plan"), bool | None)
    assert_type(await env.persons.split(1, distinct_ids=ids), bool | None)
    assert_type(await env.persons.delete(1, events=True), None)
    assert_type(await env.persons.delete_many(uuids=uuids), DeletionSummary)
    assert_type(env.persons.deletions(status="pending"), Listing[PersonDeletion])
    assert_type(await env.persons.property_values("plan"), tuple[PropertyValue, ...])
    async for entry in env.persons.activity(max_items=3):
        assert_type(entry, ActivityEntry)
    assert_type(await env.persons.cohorts(1), tuple[PostHogCohort, ...])
    assert_type(await env.persons.at("2026-01-01", id=1), Person)
    assert_type(env.cohorts.list(), Listing[PostHogCohort])
    assert_type(await env.cohorts.get(1), PostHogCohort)
    assert_type(env.cohorts.persons(1, prefetch=2), Listing[Person])
    people = env.persons.list()
    report = await erase(env, people, ledger="ledger", by="uuid", events=True, dry_run=False)
    assert_type(report, ErasureReport)
    assert_type(await erase(env, ids, ledger="ledger"), ErasureReport)
    assert_type(await erase(env, uuids, ledger="ledger", by="uuid"), ErasureReport)
    assert_type(await check(env, "ledger", wait=60.0), ErasureReport)


async def the_facts(env: PostHogEnv) -> None:
    assert_type(await env.logs.count(date_from="-1d", severity_levels=["error"]), int)
    assert_type(await env.logs.sparkline(), tuple[LogBucket, ...])
    assert_type(await env.logs.services(), tuple[LogService, ...])
    assert_type(await env.logs.attributes(search="k8s"), tuple[LogAttribute, ...])
    assert_type(await env.logs.attribute_values("level"), tuple[LogAttributeValue, ...])
    assert_type(await env.logs.has_logs(), bool)
    assert_type(await env.persisted_folders.home(), HomeFolder)


async def the_resources(env: PostHogEnv) -> None:
    assert_type(env.projects.list(), Listing[Project])
    assert_type(env.persons.list(page_size="auto", prefetch=4), Listing[Person])
    assert_type(env.persons.list(properties=[PropertyFilter("plan", "scale")]), Listing[Person])
    assert_type(await env.persons.get(4711), Person)
    assert_type(await env.persons.get(UUID(int=1)), Person)
    assert_type(await env.persons.get_csv("4711"), bytes)
    async for piece in env.persons.csv(search="x"):
        assert_type(piece, bytes)
    assert_type(env.persisted_folders.list(), Listing[PersistedFolder])
    assert_type(await env.persisted_folders.get("id"), PersistedFolder)
    assert_type(await env.persisted_folders.create("home", path="a"), PersistedFolder)
    assert_type(await env.persisted_folders.update("id", path="a"), PersistedFolder)
    assert_type(await env.persisted_folders.replace("id", type="home"), PersistedFolder)
    assert_type(await env.persisted_folders.delete("id"), None)
    assert_type(env.logs.query(date_from="-6h", page_size=100), CursorListing[LogEntry])
    await the_facts(env)
    insight = await env.max_tools.create_and_query_insight("users", "trends", format="txt")
    assert_type(insight, InsightAnswer)
    assert_type(insight.query, Mapping[str, Any] | None)
    assert_type(insight.failed, bool)
    assert_type(insight.artifacts, tuple[Mapping[str, Any], ...])
    assert_type(insight.text, str)


def what_can_be_chosen(operator: Operator, kind: FilterType, level: LogLevel) -> None:
    condition = PropertyFilter("plan", "scale", operator, kind)
    assert_type(condition.operator, Operator)
    assert_type(condition.type, FilterType)
    levels: list[LogLevel] = [level]
    assert_type(levels[0], LogLevel)


async def what_is_asked(env: PostHogEnv, kind: InsightType, status: DeletionStatus) -> None:
    env.logs.query(severity_levels=["error", "fatal"], order_by="earliest")
    await env.max_tools.create_and_query_insight("users", kind)
    env.persons.deletions(status=status)


async def any_listing(env: PostHogEnv) -> None:
    assert_type(env.listing("cohorts/", model=Cohort, search="x"), Listing[Cohort])
    plain: Listing[dict[str, Any]] = env.listing("cohorts/")
    assert_type(await plain.collect(), list[dict[str, Any]])


async def a_listing(listing: Listing[Person]) -> None:
    async for person in listing:
        assert_type(person, Person)
    async for page in listing.pages():
        assert_type(page, Page[Person])
        assert_type(page.items, tuple[Person, ...])
        assert_type(page.offset, int | None)
        assert_type(page.next_offset, int | None)
        assert_type(page.token, str)
        assert_type(page.raw, bytes)
    async for row in listing.rows():
        assert_type(row, bytes)
    assert_type(await listing.page(), Page[Person])
    assert_type(await listing.first(), Person | None)
    assert_type(await listing.collect(), list[Person])
    assert_type(await listing.count(), int)
    assert_type(listing.resume("token"), Listing[Person])


async def a_listing_by_cursor(listing: CursorListing[LogEntry]) -> None:
    async for entry in listing:
        assert_type(entry, LogEntry)
    assert_type(await listing.page(), Page[LogEntry])
    assert_type(await listing.first(), LogEntry | None)
    assert_type(await listing.collect(), list[LogEntry])
    assert_type(await listing.count(), int)
    assert_type(listing.iterate(), ListingRun[LogEntry])
    assert_type(listing.resume("token"), CursorListing[LogEntry])


async def a_run(listing: Listing[Person]) -> None:
    async with listing.iterate(on_gap="report", held_bytes=1 << 20) as run:
        assert_type(run, ListingRun[Person])
        iterator: AsyncIterator[Person] = run
        assert_type(await anext(iterator), Person)
        assert_type(await run.next_page(), Page[Person] | None)
        assert_type(run.token, str)
        assert_type(run.report, ListingReport)
        assert_type(run.report.complete, bool)
        assert_type(run.report.page_sizes, tuple[int, ...])


def a_person(person: Person) -> None:
    assert_type(person.uuid, UUID)
    assert_type(person.id, int | str | None)
    assert_type(person.name, Any)
    assert_type(person.distinct_ids, tuple[str, ...])
    assert_type(person.created_at, datetime | None)
    assert_type(person.last_seen_at, datetime | None)
    assert_type(person.is_identified, bool | None)
    assert_type(person.properties, dict[str, Any])
    assert_type(person.extra, dict[str, Any])
    assert_type(person.get_property("email"), Any)
    assert_type(person.may_lack_distinct_ids, bool)
    assert_type(person.to_dict(), dict[str, Any])
    assert_type(person.to_json(), bytes)
    assert_type(Person.from_dict({}), Person)
    assert_type(Person(uuid="018f", created_at="2026-09-01", properties={"a": 1}), Person)
    assert_type(attrs.evolve(person, name="x"), Person)


def other_models(folder: PersistedFolder, entry: LogEntry, key: APIKeyInfo, one: Project) -> None:
    assert_type(folder.id, UUID)
    assert_type(folder.type, str)
    assert_type(entry.uuid, UUID)
    assert_type(entry.timestamp, datetime | None)
    assert_type(entry.timestamp_ns, int | None)
    assert_type(entry.attributes, Mapping[str, Any])
    assert_type(key.scopes, tuple[str, ...])
    assert_type(key.scoped_teams, tuple[int, ...])
    assert_type(one.id, int)
    assert_type(one.name, str | None)


def the_errors(error: PostHogError, refused: APIStatusError, missing: MissingScopeError) -> None:
    assert_type(error.resume_token, str | None)
    assert_type(refused.status, int)
    assert_type(refused.detail, str)
    assert_type(refused.attr, str | None)
    assert_type(refused.extra, dict[str, Any])
    assert_type(refused.retry_after, float | None)
    assert_type(refused.request_id, str | None)
    assert_type(refused.attempts, int)
    assert_type(missing.scope, str)
