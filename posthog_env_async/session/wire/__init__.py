"""Connections, and one exchange over them: the only code that speaks HTTP."""

from .outgoing import Outgoing, PermitExpiredError
from .transport import Transport
from .transport_errors import closed_meanwhile

__all__ = ["Outgoing", "PermitExpiredError", "Transport", "closed_meanwhile"]
