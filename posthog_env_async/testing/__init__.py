"""An embedded server that answers like PostHog's environments API, for tests and demos."""

from .call import Recorded
from .drift import Drift
from .faults import Fault
from .keys import DEFAULT_KEY
from .server import FakePostHog
from .throttles import CLOUD_THROTTLES

__all__ = [
    "CLOUD_THROTTLES",
    "DEFAULT_KEY",
    "Drift",
    "FakePostHog",
    "Fault",
    "Recorded",
]
