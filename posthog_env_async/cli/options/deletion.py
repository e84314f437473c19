"""What is deleted with a person."""

from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from .flags import FLAG

__all__ = ["PERSONS_ALONE", "DeletionSwitches"]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class DeletionSwitches:
    """What is deleted besides the person."""

    events: Annotated[bool, Parameter(help="Delete their events, too."), FLAG] = False
    recordings: Annotated[bool, Parameter(help="Delete their recordings, too."), FLAG] = False
    keep_person: Annotated[bool, Parameter(help="Keep the persons themselves."), FLAG] = False

    def fields(self) -> dict[str, Any]:
        """Return them as `persons.delete_many` takes them."""
        return attrs.asdict(self)

    def described(self) -> str:
        """Return what goes, in words."""
        parts = [("the persons", not self.keep_person), ("their events", self.events)]
        parts.append(("their recordings", self.recordings))
        return ", ".join(name for name, goes in parts if goes) or "nothing"


PERSONS_ALONE = DeletionSwitches()
