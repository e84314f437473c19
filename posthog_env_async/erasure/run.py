"""One run over a ledger: who is asked for, and what becomes of each request."""

from collections.abc import Callable
from contextlib import aclosing, suppress
from uuid import UUID

import attrs
from anyio import sleep, to_thread

from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    ExportError,
    PostHogError,
)
from posthog_env_async.session import Backoff, finish

from .ledger import DONE, UNCERTAIN, Ledger, State
from .people import By, People, resolve
from .receipt import write_receipt
from .report import ErasureReport
from .verify import read_deletions

__all__ = ["ErasureRun"]

MOST_IDS = 1000


@attrs.define
class ErasureRun:
    """One run over a ledger."""

    env: PostHogEnv
    ledger: Ledger
    dry_run: bool
    backoff: Backoff
    on_progress: Callable[[ErasureReport], None] | None
    _gathered: dict[str, UUID] = attrs.field(factory=dict[str, UUID], init=False)
    _found: dict[str, list[str]] = attrs.field(factory=dict[str, list[str]], init=False)
    _chosen: set[str] = attrs.field(factory=set[str], init=False)
    _absent: set[str] = attrs.field(factory=set[str], init=False)
    _present: set[str] = attrs.field(factory=set[str], init=False)
    _waiting: int = attrs.field(default=0, init=False)

    async def erase(self, people: People, by: By, concurrency: int) -> ErasureReport:
        """Erase people, and write the receipt whatever happens."""
        if self.ledger.terms.events and self.ledger.uncertain():
            await self._ask_the_server(self.ledger.uncertain())
        try:
            await self._take_all(people, by, concurrency)
        except BaseException:
            with suppress(ExportError):
                await self._write_receipt()
            raise
        await self._write_receipt()
        return self._report()

    async def _write_receipt(self) -> None:
        if not self.dry_run:
            await finish(to_thread.run_sync(write_receipt, self.ledger))

    async def _take_all(self, people: People, by: By, concurrency: int) -> None:
        resolved = resolve(
            self.env,
            people,
            by,
            is_settled=lambda kind, text: self.ledger.is_settled(self.ledger.input_id(kind, text)),
            concurrency=concurrency,
        )
        async with aclosing(resolved):
            async for kind, text, uuids in resolved:
                await self._take(self.ledger.input_id(kind, text), uuids)
        await self._flush()
        await self._settle_absent()
        await self._delete()

    def _report(self) -> ErasureReport:
        return self.ledger.report(dry_run=self.dry_run, more_requests=-(-self._waiting // MOST_IDS))

    async def _take(self, input: str, uuids: tuple[UUID, ...]) -> None:
        """Take one input with the persons it means, and ask for them when enough are there."""
        persons = {self.ledger.person_id(uuid): uuid for uuid in uuids}
        self._found[input] = list(persons)
        self._absent.update(set(self.ledger.persons_of(input)) - set(persons))
        self._present.update(persons)
        for person, uuid in persons.items():
            if person not in self._chosen and self._state(person) not in DONE:
                self._chosen.add(person)
                self._gathered[person] = uuid
                self._waiting += 1
        if len(self._found) >= MOST_IDS or len(self._gathered) >= MOST_IDS:
            await self._flush()
        if len(self._gathered) >= MOST_IDS:
            await self._delete()

    async def _flush(self) -> None:
        """Write down who was found."""
        found, self._found = self._found, {}
        if found:
            await self.ledger.resolved(found)

    async def _settle_absent(self) -> None:
        """Write down who of those that were found by an earlier run is gone now."""
        gone = self._absent - self._present
        states: dict[str, State | None] = {person: self._state_of_absent(person) for person in gone}
        changed: dict[str, State | None] = {
            each: state for each, state in states.items() if state != self._state(each)
        }
        await self.ledger.settled(changed)

    def _state_of_absent(self, person: str) -> State | None:
        """Return what is known of somebody who is gone: deleted, if it was us, and no events."""
        state = self._state(person)
        if state in UNCERTAIN:
            return state if self.ledger.terms.events else "deleted"
        return None if state == "found" else state

    def _state(self, person: str) -> State | None:
        return self.ledger.states.get(person)

    async def _delete(self) -> None:
        """Ask for those who were gathered, at most 1,000 at a time, until nobody is uncertain."""
        gathered, self._gathered = self._gathered, {}
        if self.dry_run:
            return
        people = list(gathered.items())
        for start in range(0, len(people), MOST_IDS):
            await self._delete_some(dict(people[start : start + MOST_IDS]))

    async def _delete_some(self, people: dict[str, UUID]) -> None:
        for attempt in range(1, self.backoff.max_attempts + 1):
            failure = await self._ask(people)
            self._tell()
            people = await self._still_to_ask(people)
            if not people:
                return
            if failure is not None and attempt == self.backoff.max_attempts:
                raise failure.with_traceback(None)
            await sleep(self.backoff.delay(attempt))

    def _tell(self) -> None:
        if self.on_progress is not None:
            self.on_progress(self._report())

    async def _ask(self, people: dict[str, UUID]) -> PostHogError | None:
        """Send one request; returns the error of one whose outcome is unknown."""
        terms = self.ledger.terms
        number = await self.ledger.asking(list(people))
        try:
            summary = await self.env.persons.delete_many(
                uuids=people.values(),
                events=terms.events,
                recordings=terms.recordings,
                keep_person=terms.keep_person,
            )
        except PostHogError as error:
            failure = error
        else:
            await self.ledger.answered(number, summary)
            return None
        outcome = "unknown" if _may_have_arrived(failure) else "refused"
        await self.ledger.not_answered(number, outcome, _kind(failure))
        if outcome == "refused":
            raise failure.with_traceback(None)
        return failure

    async def _still_to_ask(self, people: dict[str, UUID]) -> dict[str, UUID]:
        """Find out about the uncertain: who is still there is asked for again."""
        uncertain = {each for each in people if self.ledger.states[each] == "unknown"}
        if not uncertain:
            return {}
        if self.ledger.terms.events:
            uncertain -= await self._ask_the_server(uncertain)
        uuids = {people[person]: person for person in uncertain}
        present = await self.env.persons.get_many(uuids=list(uuids), warn=False)
        gone = [person for uuid, person in uuids.items() if uuid not in present]
        if not self.ledger.terms.events:
            await self.ledger.settled(dict.fromkeys(gone, "deleted"))
        return {uuids[uuid]: uuid for uuid in present}

    async def _ask_the_server(self, persons: set[str]) -> set[str]:
        """Look whether the server has the deletion of their events on its list."""
        states: dict[str, State] = await read_deletions(self.env, self.ledger, persons)
        await self.ledger.settled(states)
        return set(states)


def _may_have_arrived(error: PostHogError) -> bool:
    if isinstance(error, APIConnectionError):
        return error.may_have_been_processed
    if isinstance(error, APIStatusError):
        return error.status >= 500 or error.status == 408
    return not isinstance(error, ConfigurationError)


def _kind(error: PostHogError) -> str:
    status = f" {error.status}" if isinstance(error, APIStatusError) else ""
    return f"{type(error).__name__}{status}"
