"""What the caller chose of the columns of a table, checked before anything is sent."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import attrs

from posthog_env_async.errors import ConfigurationError

from .column_types import ColumnType, checked_type
from .columns import Column, check_columns, check_rows
from .schema import Schema, model_types, schema_of

__all__ = ["TableOptions", "parse_property_columns"]

PROPERTIES = "properties"
SAMPLE = 1000


def parse_property_columns(columns: Any) -> tuple[Column, ...]:
    """Read property names, or a mapping of them to types.

    Raises:
        ConfigurationError: naming the types that there are.
    """
    if isinstance(columns, str):
        raise ConfigurationError("property_columns must be a list of names, or a mapping to types")
    typed: Mapping[str, str]
    typed = columns if hasattr(columns, "items") else dict.fromkeys(columns, "text")
    return tuple(
        Column(f"{PROPERTIES}.{name}", PROPERTIES, name, checked_type(name, column_type))
        for name, column_type in typed.items()
    )


@attrs.frozen
class TableOptions:
    """Columns, the model of the rows, and how columns are named."""

    columns: tuple[Column, ...] | None = None
    added: tuple[Column, ...] = ()
    model: type[Any] | None = None
    safe_names: bool = False

    @property
    def types(self) -> Mapping[str, ColumnType] | None:
        """The fields of the model with their types, `None` where it is not one of ours."""
        return model_types(self.model)

    @property
    def _chosen(self) -> tuple[Column, ...]:
        return (*(self.columns or ()), *self.added)

    def check(self) -> None:
        """Check the columns as far as the model tells which there are.

        Raises:
            ConfigurationError: for one that there cannot be, with the nearest name.
        """
        known = model_types(self.model, further=True)
        if known is not None:
            check_columns(self._chosen, known)

    def check_rows(self, rows: Iterable[bytes]) -> None:
        """Check the columns against the first rows; warn of properties that none of them has.

        Raises:
            ConfigurationError: for a field that no row has, where no model tells.
        """
        if self._chosen:
            is_known = self.types is not None
            check_rows(self._chosen, islice(rows, SAMPLE), is_model_known=is_known)

    def schema(self, rows: Iterable[bytes]) -> Schema:
        """Return the columns for some rows."""
        return schema_of(rows, model=self.model, columns=self.columns, added=self.added)
