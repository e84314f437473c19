"""A receipt that an auditor can keep: as JSON, and as text to read."""

import hashlib
from typing import Any

import attrs

from posthog_env_async.converter import dump

from .ledger import Ledger
from .ledger_file import write_whole
from .terms import now_text

__all__ = ["write_receipt"]

COUNTS = ("found", "not_found", "deleted", "queued", "verified", "unknown", "failed")
MEANINGS = {
    "found": "persons found",
    "not_found": "asked for, and belonging to nobody",
    "deleted": "deleted",
    "queued": "accepted by the server, to be deleted by it",
    "verified": "events gone, as the server made sure",
    "unknown": "not known whether the request arrived",
    "failed": "not deleted: the server could not",
}


def write_receipt(ledger: Ledger) -> None:
    """Write both files beside the ledger, for its owner alone.

    Raises:
        ExportError: when they cannot be written.
    """
    receipt = _receipt(ledger)
    name = ledger.path.name
    write_whole(ledger.path.with_name(f"{name}.receipt.json"), dump(receipt) + b"\n")
    write_whole(ledger.path.with_name(f"{name}.receipt.txt"), _text(receipt).encode())


def _receipt(ledger: Ledger) -> dict[str, Any]:
    report = ledger.report()
    return {
        "kind": "receipt",
        "version": 1,
        "written": now_text(),
        "ledger": ledger.path.name,
        "ledger_begun": ledger.created,
        "ledger_sha256": hashlib.sha256(ledger.path.read_bytes()).hexdigest(),
        **attrs.asdict(ledger.terms),
        **{name: getattr(report, name) for name in COUNTS},
        "not_yet_asked": report.pending,
        "requests": _requests(ledger),
    }


def _requests(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what each request asked and what was answered, without any person."""
    requests = dict[int, dict[str, Any]]()
    for record in ledger.records:
        if record["kind"] == "asking":
            number = record["request"]
            asked = len(record["persons"])
            requests[number] = {"request": number, "at": record["at"], "persons": asked}
        elif record["kind"] == "answered":
            said = {name: value for name, value in record.items() if name not in HIDDEN}
            requests[record["request"]] |= {"answered": record["at"], **said}
    return list(requests.values())


HIDDEN = frozenset({"kind", "at", "request", "failed"})


def _text(receipt: dict[str, Any]) -> str:
    asked = [name for name in ("events", "recordings") if receipt[name]]
    persons = [] if receipt["keep_person"] else ["persons"]
    lines = [
        "Receipt of an erasure",
        "",
        f"Server      {receipt['host']}",
        f"Project     {receipt['project']}",
        f"Erased      {', '.join([*persons, *asked])}",
        f"Begun       {receipt['ledger_begun']}",
        f"Written     {receipt['written']}",
        f"Ledger      {receipt['ledger']}",
        f"SHA-256     {receipt['ledger_sha256']}",
        "",
        *(f"{receipt[name]:>11,}  {MEANINGS[name]}" for name in COUNTS),
        f"{receipt['not_yet_asked']:>11,}  found and not yet asked for",
        "",
        f"{len(receipt['requests']):,} requests:",
        *(_line(request) for request in receipt["requests"]),
        "",
    ]
    return "\n".join(lines)


def _line(request: dict[str, Any]) -> str:
    outcome = request.get("outcome", "no answer")
    said = ", ".join(
        f"{name} {request[name]}"
        for name in ("found", "deleted", "queued", "errors")
        if request.get(name) is not None
    )
    reason = request.get("error") or said
    persons = f"{request['persons']:>5} persons"
    return f"{request['request']:>6}  {request['at']}  {persons}  {outcome}  {reason}".rstrip()
