"""Compression in pieces: every piece stands alone, so that a file can be cut after any of them."""

import gzip
import importlib
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.export.files.durable import open_file
from posthog_env_async.export.files.paths import Compression

__all__ = ["Data", "compressor", "opened"]

GZIP_LEVEL = 6
ISAL_LEVEL = 2
ZSTD_LEVEL = 3


Data = bytes | memoryview


def compressor(compression: Compression) -> Callable[[bytes], Data]:
    """Return what makes a gzip member or zstd frame of its own out of each piece.

    gzip goes through isal where it is installed (extra `speed`), about seven times as fast.

    Raises:
        ConfigurationError: naming the extra that is missing.
    """
    if compression == "zstd":
        zstd = _zstd()
        return lambda data: bytes(zstd.compress(data, ZSTD_LEVEL))
    isal = _first_of("isal.igzip")
    if isal is None:
        return lambda data: gzip.compress(data, GZIP_LEVEL, mtime=0)
    return lambda data: bytes(isal.compress(data, ISAL_LEVEL, mtime=0))


@contextmanager
def opened(path: Path, compression: Compression) -> Generator[Any]:
    """Open a file for reading what is inside."""
    with BufferedReader(open_file(path, os.O_RDONLY)) as file:
        if compression == "none":
            yield file
            return
        with gzip.GzipFile(fileobj=file) if compression == "gzip" else _zstd().open(file) as inside:
            yield inside


def _zstd() -> Any:
    zstd = _first_of("compression.zstd", "backports.zstd")
    if zstd is None:
        raise ConfigurationError(
            "zstd needs an extra: pip install 'posthog-env-async[zstd]'; or let the name end in .gz"
        )
    return zstd


def _first_of(*names: str) -> Any:
    for name in names:
        with suppress(ImportError):
            return importlib.import_module(name)
    return None
