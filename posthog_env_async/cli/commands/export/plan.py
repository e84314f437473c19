"""What one `posthog-env export` is to do."""

from collections.abc import Callable

import attrs

from posthog_env_async.cli.options.export import Reading, Target
from posthog_env_async.cli.options.output import OutputOptions
from posthog_env_async.client import PostHogEnv
from posthog_env_async.pagination import AnyListing

__all__ = ["ExportPlan"]


@attrs.frozen
class ExportPlan:
    """What to export: `listing_of` makes the listing of a client; `group` is its budget's name."""

    what: str
    noun: str
    group: str
    listing_of: Callable[[PostHogEnv], AnyListing]
    target: Target
    reading: Reading
    output: OutputOptions
