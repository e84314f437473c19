"""What the numbers were taken on: processors, Python, operating system, versions; nothing else."""

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

__all__ = ["PACKAGES", "machine", "versions", "with_bytecode"]

PACKAGES = (
    "posthog-env-async",
    "aiohttp",
    "attrs",
    "cattrs",
    "msgspec",
    "isal",
    "orjson",
    "httpx",
    "pydantic",
    "openai",
    "dlt",
    "azure-core",
    "airbyte-cdk",
    "airbyte-source-posthog",
)


def machine() -> str:
    """Describe the machine in one line."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} CPUs, {python}, {platform.system()}, loopback only"


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Give the version of each package that is installed."""
    found: dict[str, str] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def with_bytecode() -> Mapping[str, str]:
    """Return the environment of a program whose modules are compiled, as installed ones are."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
