"""Options of every command that talks to a server: where it is, who asks, and how patiently."""

from .connection import (
    DEFAULT_CONNECTION,
    OTHER_WAIT_CONNECTION,
    Connection,
    OtherWaitConnection,
)

__all__ = ["DEFAULT_CONNECTION", "OTHER_WAIT_CONNECTION", "Connection", "OtherWaitConnection"]
