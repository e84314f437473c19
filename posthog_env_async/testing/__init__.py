"""An embedded server that answers like PostHog's environments API, for tests and demos."""

from posthog_env_async.testing.data.drift import Drift
from posthog_env_async.testing.data.erasures import Erasure
from posthog_env_async.testing.http.faults import Fault
from posthog_env_async.testing.http.keys import DEFAULT_KEY
from posthog_env_async.testing.http.request import Recorded
from posthog_env_async.testing.http.throttles import CLOUD_THROTTLES

from .server import FakePostHog
from .server_state import Replica

__all__ = [
    "CLOUD_THROTTLES",
    "DEFAULT_KEY",
    "Drift",
    "Erasure",
    "FakePostHog",
    "Fault",
    "Recorded",
    "Replica",
]
