"""What is known of every person: read from a ledger, and written to it at every step."""

import hashlib
import hmac
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import attrs
from anyio import to_thread

from posthog_env_async.errors import CheckpointError
from posthog_env_async.models import DeletionSummary
from posthog_env_async.session import finish

from .ledger_file import LedgerFile, read_lines
from .report import ErasureReport
from .terms import Terms, check_terms, first_record, now_text, terms_of

__all__ = ["DONE", "UNCERTAIN", "Ledger", "State", "state_of"]

State = Literal["found", "asked", "deleted", "queued", "verified", "unknown", "failed"]
DONE = frozenset({"deleted", "queued", "verified"})
UNCERTAIN = frozenset({"asked", "unknown"})


@attrs.define
class Ledger:
    """The state of every person that was ever asked for; `file` is `None` in a dry run."""

    path: Path
    terms: Terms
    salt: str
    created: str
    file: LedgerFile | None = None
    records: list[dict[str, Any]] = attrs.field(factory=list[dict[str, Any]])
    inputs: dict[str, tuple[str, ...]] = attrs.field(factory=dict[str, tuple[str, ...]])
    states: dict[str, State] = attrs.field(factory=dict[str, State])
    requests: int = 0
    _asked: dict[int, tuple[str, ...]] = attrs.field(factory=dict[int, tuple[str, ...]])

    @classmethod
    def opened(cls, path: Path, terms: Terms | None, *, writing: bool) -> "Ledger":
        """Open a ledger, or begin one by `terms`.

        Raises:
            CheckpointError: when it is damaged, or was begun with other switches, for another
                project, or on another host.
            ExportError: when the file cannot be used.
        """
        is_there = os.path.lexists(path)
        if terms is None and not is_there:
            raise CheckpointError(f"{path.name} is not there")
        file = LedgerFile.opened(path) if writing else None
        try:
            records, size = read_lines(path) if is_there else ([], 0)
            ledger = cls._of(path, records, terms)
            if file is not None:
                file.resume(records, size)
                file.append(*([] if records else ledger.records))
            ledger.file = file
        except BaseException:
            if file is not None:
                file.close()
            raise
        return ledger

    @classmethod
    def _of(cls, path: Path, records: list[dict[str, Any]], terms: Terms | None) -> "Ledger":
        if not records and terms is None:
            raise CheckpointError(f"{path.name} is empty")
        header = records[0] if records else first_record(terms)
        ledger = cls(path, terms_of(path, header), str(header["salt"]), str(header["at"]))
        if terms is not None:
            check_terms(path, ledger.terms, terms)
        for record in records[1:]:
            ledger.apply(record)
        ledger.records = [each for each in records if each["kind"] != "resolved"] or [header]
        return ledger

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()

    # ids

    def person_id(self, uuid: object) -> str:
        """Return what stands for a person."""
        return self._id("person", str(uuid))

    def input_id(self, by: str, value: object) -> str:
        """Return what stands for something that was asked for."""
        return self._id(by, str(value))

    def _id(self, kind: str, text: str) -> str:
        if self.terms.plain_ids:
            return text if kind == "person" else f"{kind}:{text}"
        said = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.new(bytes.fromhex(self.salt), said, hashlib.sha256).hexdigest()[:32]

    # what is known

    def is_settled(self, input: str) -> bool:
        """Whether all persons of an input were dealt with, so that nobody need be looked up."""
        states = [self.states[person] for person in self.persons_of(input)]
        return bool(states) and all(state in DONE for state in states)

    def persons_of(self, input: str) -> list[str]:
        """Return the persons that an input means or meant."""
        return [person for person in self.inputs.get(input, ()) if person in self.states]

    def uncertain(self) -> set[str]:
        """Return the persons of whom nobody knows whether the request arrived."""
        return {person for person, state in self.states.items() if state in UNCERTAIN}

    def report(self, *, dry_run: bool = False, more_requests: int = 0) -> ErasureReport:
        """Count the persons in each state."""
        counts = Counter(self.states.values())
        touched = len(self.states) if dry_run else len(self.states) - counts["found"]
        return ErasureReport(
            found=len(self.states),
            not_found=sum(not self.persons_of(input) for input in self.inputs),
            deleted=counts["deleted"],
            queued=counts["queued"],
            verified=counts["verified"],
            unknown=counts["unknown"] + counts["asked"],
            failed=counts["failed"],
            events=touched if self.terms.events else 0,
            recordings=touched if self.terms.recordings else 0,
            requests=more_requests if dry_run else self.requests,
            dry_run=dry_run,
        )

    # what happens

    async def resolved(self, found: Mapping[str, Sequence[str]]) -> None:
        """Keep who was found for what."""
        pairs = [[input, list(persons)] for input, persons in found.items()]
        await self._add({"kind": "resolved", "inputs": pairs}, durable=False)

    async def asking(self, persons: Sequence[str]) -> int:
        """Keep that a request goes out now; returns its number."""
        number = self.requests + 1
        await self._add({"kind": "asking", "request": number, "persons": list(persons)})
        return number

    async def answered(self, number: int, summary: DeletionSummary) -> None:
        """Keep what the server said."""
        failed = [self.person_id(each.person_uuid) for each in summary.errors if each.person_uuid]
        fields = attrs.asdict(summary, filter=attrs.filters.exclude("errors", "requests"))
        record = {"kind": "answered", "request": number, "outcome": "accepted", **fields}
        await self._add(record | {"errors": len(summary.errors), "failed": failed})

    async def not_answered(self, number: int, outcome: str, error: str) -> None:
        """Keep that a request was `refused`, or that its outcome is `unknown`."""
        await self._add({"kind": "answered", "request": number, "outcome": outcome, "error": error})

    async def settled(self, states: Mapping[str, State | None]) -> None:
        """Keep what was found out about persons afterwards; `None`: never asked for, and gone."""
        if states:
            await self._add({"kind": "settled", "states": dict(states)})

    async def _add(self, record: dict[str, Any], *, durable: bool = True) -> None:
        record = {"kind": record["kind"], "at": now_text(), **record}
        # What is in the file is also known here, also when the caller is cancelled meanwhile.
        await finish(self._write(record, durable=durable))

    async def _write(self, record: dict[str, Any], *, durable: bool) -> None:
        if self.file is not None:
            await to_thread.run_sync(partial(self.file.append, record, durable=durable))
        if record["kind"] != "resolved":
            self.records.append(record)
        self.apply(record)

    def apply(self, record: Mapping[str, Any]) -> None:
        """Take over what a record says.

        Raises:
            CheckpointError: when it says what this version does not know.
        """
        kinds: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "resolved": self._apply_resolved,
            "asking": self._apply_asking,
            "answered": self._apply_answered,
            "settled": self._apply_settled,
        }
        try:
            kinds[record["kind"]](record)
        except (KeyError, TypeError, ValueError, AttributeError):
            wrong = f"{self.path.name} has a record that this version does not know"
        else:
            return
        raise CheckpointError(wrong)

    def _apply_resolved(self, record: Mapping[str, Any]) -> None:
        for input, persons in record["inputs"]:
            known = self.inputs.get(input, ())
            # Who is gone now was there once, and stays in the books.
            self.inputs[input] = tuple(dict.fromkeys((*known, *persons)))
            for person in persons:
                self.states.setdefault(person, "found")

    def _apply_asking(self, record: Mapping[str, Any]) -> None:
        self.requests = max(self.requests, record["request"])
        self._asked[record["request"]] = tuple(record["persons"])
        self.states.update(dict.fromkeys(record["persons"], "asked"))

    def _apply_settled(self, record: Mapping[str, Any]) -> None:
        for person, state in record["states"].items():
            if state is None:
                self.states.pop(person, None)
            else:
                self.states[person] = state

    def _apply_answered(self, record: Mapping[str, Any]) -> None:
        persons = self._asked.pop(record["request"])
        states: dict[str, State] = {"refused": "found", "unknown": "unknown"}
        if record["outcome"] in states:
            self.states.update(dict.fromkeys(persons, states[record["outcome"]]))
            return
        failed = set(record["failed"]) & set(persons)
        rest = state_of(record, len(persons), keep_person=self.terms.keep_person)
        for person in persons:
            self.states[person] = "failed" if person in failed else rest


def state_of(said: Mapping[str, Any], asked: int, *, keep_person: bool) -> State:
    """Return in which state the persons are whom an answer does not name as failed.

    An older server says nothing, only that it accepted. One that found or deleted fewer than were
    asked for does not say whom. Where queued and deleted are mixed it is not more than queued.
    """
    found, gone = said["found"], (said["deleted"] or 0) + (said["queued"] or 0)
    if found is None:
        return "queued"
    if found < asked or said["errors"] > len(said["failed"]):
        return "unknown"
    if not keep_person and gone + said["errors"] < asked:
        return "unknown"
    return "queued" if keep_person or said["queued"] else "deleted"
