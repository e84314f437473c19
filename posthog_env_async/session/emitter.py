"""What hands events to an observer."""

import logging

import attrs

from posthog_env_async.events import Event, Observer

__all__ = ["Emitter"]

logger = logging.getLogger("posthog_env_async")


@attrs.define
class Emitter:
    """Hands events to an observer; one that raises harms nothing, and is told once."""

    observer: Observer = attrs.field(repr=False)
    _has_failed: bool = attrs.field(default=False, init=False)

    def __call__(self, event: Event) -> None:
        """Hand out an event."""
        try:
            self.observer(event)
        except Exception as error:  # noqa: BLE001 - whatever a caller's observer may raise
            if not self._has_failed:
                self._has_failed = True
                logger.warning("the observer raised %s; told once", type(error).__name__)
