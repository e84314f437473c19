"""Options that choose persons and say how they are read."""

from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Group, Parameter

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import PropertyFilter
from posthog_env_async.pagination import PageSize

from .conditions import GRAMMAR, condition_of, conditions_in

__all__ = ["ALL_PERSONS", "DEFAULT_PAGING", "Paging", "PersonFilters", "page_size_of"]

FILTERS = Group("Filters", sort_key=10, help="All of them must hold.")
PAGING = Group("Paging", sort_key=20)


@Parameter(name="*", group=FILTERS)
@attrs.frozen(kw_only=True)
class PersonFilters:
    """Which persons."""

    search: Annotated[
        str | None, Parameter(help="Text in the e-mail, name or id (older servers: in the e-mail).")
    ] = None
    email: Annotated[str | None, Parameter(help="The exact e-mail address.")] = None
    distinct_id: Annotated[str | None, Parameter(help="An exact distinct id.")] = None
    property: Annotated[
        tuple[str, ...],
        Parameter(
            help=f"A condition on a property: {GRAMMAR}. Can be repeated.",
            negative=(),
            show_default=False,
            allow_leading_hyphen=True,
        ),
    ] = ()
    properties_file: Annotated[
        Path | None, Parameter(help="A JSON file with a list of filters as the API takes them.")
    ] = None

    def query(self) -> dict[str, Any]:
        """Return the filters as `persons.list` takes them."""
        return {
            "search": self.search,
            "email": self.email,
            "distinct_id": self.distinct_id,
            "properties": self.conditions() or None,
        }

    def conditions(self) -> tuple[PropertyFilter, ...]:
        """Return the conditions on properties, of options and file.

        Raises:
            ConfigurationError: for one that is none.
        """
        filed = () if self.properties_file is None else conditions_in(self.properties_file)
        return (*map(condition_of, self.property), *filed)


@Parameter(name="*", group=PAGING)
@attrs.frozen(kw_only=True)
class Paging:
    """How the persons are read."""

    page_size: Annotated[
        str, Parameter(help="Rows per request, 1 to 10,000; auto grows while the server is fast.")
    ] = "auto"
    prefetch: Annotated[int, Parameter(help="Pages to read ahead.")] = 4
    max_items: Annotated[int | None, Parameter(help="Stop after this many persons.")] = None
    offset: Annotated[int, Parameter(help="Skip this many of the server's rows.")] = 0

    def settings(self) -> dict[str, Any]:
        """Return them as `persons.list` takes them."""
        return {
            "page_size": page_size_of(self.page_size),
            "prefetch": self.prefetch,
            "max_items": self.max_items,
            "offset": self.offset,
        }


ALL_PERSONS = PersonFilters()
DEFAULT_PAGING = Paging()


def page_size_of(text: str) -> PageSize:
    """Read a page size.

    Raises:
        ConfigurationError: when it is none.
    """
    if text == "auto":
        return "auto"
    if not text.isascii() or not text.isdigit():
        raise ConfigurationError("--page-size is a whole number, or auto")
    return int(text)
