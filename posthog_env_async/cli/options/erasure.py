"""The options of `posthog-env erase persons`."""

from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
from cyclopts import Group, Parameter

from posthog_env_async.cli.output.resume_advice import resume_command

from .deletion import PERSONS_ALONE, DeletionSwitches
from .flags import FLAG

__all__ = ["ErasureOptions"]

ERASURE = Group("Erasure", sort_key=10)


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
        bool, Parameter(help="Keep ids in the ledger as they are, not their digests."), FLAG
    ] = False
    switches: DeletionSwitches = PERSONS_ALONE
    concurrency: Annotated[int, Parameter(help="Look-ups at a time.")] = 8
    yes: Annotated[
        bool, Parameter(help="Erase; without it nothing is, and the persons are counted."), FLAG
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
        """Say how to go on."""
        if not self.yes:
            return ""
        return f"the ledger knows how far it came. Go on with:\n  {resume_command()}"
