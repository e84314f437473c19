"""Import times, each in a fresh interpreter, taken in turns."""

import subprocess
import sys
from typing import Any

from .machine import with_bytecode

__all__ = ["MODULES", "import_seconds"]

MODULES = (
    "aiohttp",
    "posthog_env_async",
    "posthog_env_async.client",
    "posthog_env_async.export",
    "httpx",
    "pydantic",
    "openai",
    "azure.core.rest",
    "dlt.sources.helpers.rest_client",
    "airbyte_cdk",
)
_CODE = "import time; s = time.perf_counter(); import {}; print(time.perf_counter() - s)"


def import_seconds(module: str) -> dict[str, Any] | None:
    """Import the module in a fresh interpreter; `None` when it cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE.format(module)],
        capture_output=True,
        check=False,
        env=with_bytecode(),
        text=True,
        timeout=120,
    )
    if done.returncode:
        return None
    return {"persons": 0, "seconds": float(done.stdout.splitlines()[-1])}
