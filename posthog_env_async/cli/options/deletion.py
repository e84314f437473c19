"""Options that say what is deleted with a person, and those of `posthog-env erase persons`."""

from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
from cyclopts import Group, Parameter

from posthog_env_async.cli.output.resume_advice import resume_command

__all__ = ["PERSONS_ALONE", "DeletionSwitches", "ErasureOptions"]

ERASURE = Group("Erasure", sort_key=10)


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class DeletionSwitches:
    """What is deleted besides the person."""

    events: Annotated[bool, Parameter(help="Delete their events, too.")] = False
    recordings: Annotated[bool, Parameter(help="Delete their recordings, too.")] = False
    keep_person: Annotated[bool, Parameter(help="Keep the persons themselves.")] = False

    def fields(self) -> dict[str, Any]:
        """Return them as `persons.delete_many` takes them."""
        return attrs.asdict(self)

    def described(self) -> str:
        """Return what is deleted, in words."""
        parts = [("the persons", not self.keep_person), ("their events", self.events)]
        parts.append(("their recordings", self.recordings))
        return ", ".join(name for name, goes in parts if goes) or "nothing"


PERSONS_ALONE = DeletionSwitches()


@Parameter(name="*", group=ERASURE)
@attrs.frozen(kw_only=True)
class ErasureOptions:
    """Whom to erase, what goes with them, and where it is written down."""

    from_: Annotated[
        str,
        Parameter(
            name="--from",
            help="A file with a value a line, persons as NDJSON, or a .csv with such a column; -"
            " for stdin.",
            allow_leading_hyphen=True,
        ),
    ]
    by: Annotated[
        Literal["distinct_id", "uuid", "email"], Parameter(help="What the values are.")
    ] = "distinct_id"
    ledger: Annotated[Path, Parameter(help="The file that knows what was asked and answered.")]
    plain_ids: Annotated[
        bool, Parameter(help="Keep ids in the ledger as they are, not their digests.")
    ] = False
    switches: DeletionSwitches = PERSONS_ALONE
    concurrency: Annotated[int, Parameter(help="Look-ups at a time.")] = 8
    yes: Annotated[
        bool, Parameter(help="Erase; without it nothing is, and the persons are counted.")
    ] = False

    def settings(self) -> dict[str, Any]:
        """Return what `erase` takes."""
        return {
            "ledger": self.ledger,
            "by": self.by,
            "plain_ids": self.plain_ids,
            "concurrency": self.concurrency,
            **self.switches.fields(),
        }

    def stop_advice(self) -> str:
        """Return how to resume the erasure."""
        if not self.yes:
            return ""
        return f"the ledger knows how far it came. Go on with:\n  {resume_command()}"
