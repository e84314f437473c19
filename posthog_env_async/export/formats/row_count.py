"""How many rows a finished file has."""

import importlib
from contextlib import suppress
from pathlib import Path
from typing import Any, cast, get_args

from posthog_env_async.export.files.paths import Compression

from .compression import opened

__all__ = ["count_rows"]

BLOCK = 1 << 20


def count_rows(path: Path, format: str, compression: str) -> int | None:
    """Count the rows of a file; `None` where the package that reads its format is missing.

    Raises:
        OSError: when it cannot be read.
    """
    if format == "parquet":
        return _parquet_rows(path)
    if compression not in get_args(Compression):
        return None
    with opened(path, cast("Compression", compression)) as file:
        if format == "csv":
            return _records(file) - 1
        return _lines(file)


def _lines(file: Any) -> int:
    count, last = 0, b"\n"
    while block := file.read(BLOCK):
        count += block.count(b"\n")
        last = block[-1:]
    return count + (last != b"\n")


def _records(file: Any) -> int:
    """Count the line ends that are not inside quotes."""
    count, is_quoted = 0, False
    while block := file.read(BLOCK):
        pieces = block.split(b'"')
        count += sum(piece.count(b"\n") for piece in pieces[is_quoted::2])
        is_quoted ^= len(pieces) % 2 == 0
    return count


def _parquet_rows(path: Path) -> int | None:
    with suppress(ImportError):
        parquet: Any = importlib.import_module("pyarrow.parquet")
        return int(parquet.read_metadata(path).num_rows)
    return None
