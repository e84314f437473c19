"""The command line: `posthog-env`, and `python -m posthog_env_async`."""

from .entry import main

__all__ = ["main"]
