"""What a client tells while a command runs: sums for the display, and long waits."""

import attrs

from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.console import print_message
from posthog_env_async.cli.output.units import counted, duration, size_text
from posthog_env_async.events import Event, LimitWaited, RequestEnded, RetryScheduled, SeamRepaired

__all__ = ["Watcher"]

LONG_WAIT = 5.0


@attrs.define
class Watcher:
    """An observer that adds up what it is told, and says why nothing happens for a while."""

    output: OutputOptions = DEFAULT_OUTPUT
    requests: int = 0
    retries: int = 0
    bytes: int = 0
    repaired: int = 0
    waited: float = 0.0

    def __call__(self, event: Event) -> None:
        """Take an event."""
        match event:
            case RequestEnded():
                self.requests += 1
                self.bytes += event.bytes
            case RetryScheduled():
                self.retries += 1
                self._tell(event)
            case LimitWaited():
                self.waited += event.seconds
            case SeamRepaired():
                self.repaired += 1
            case _:
                pass

    def summary(self) -> str:
        """Return the sums in a line, without what did not happen."""
        parts = [counted(self.requests, "request"), size_text(self.bytes)]
        if self.retries:
            parts.append(f"{self.retries:,} retries" if self.retries > 1 else "1 retry")
        if self.repaired:
            parts.append(f"{counted(self.repaired, 'seam')} repaired")
        if self.waited >= 1:
            parts.append(f"{duration(self.waited)} waited for limits")
        return ", ".join(parts)

    def _tell(self, event: RetryScheduled) -> None:
        if event.wait >= LONG_WAIT and not self.output.quiet:
            reason = event.error if event.status is None else f"status {event.status}"
            print_message(
                f"attempt {event.attempt} failed ({reason}), the next one follows in"
                f" {duration(event.wait)}",
                style="yellow",
            )
