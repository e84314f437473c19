"""Connections, and one exchange over them: the only code that speaks HTTP."""

from .streamed import streamed
from .transport import PermitExpiredError, Transport, UntilClosed
from .transport_errors import closed_meanwhile

__all__ = ["PermitExpiredError", "Transport", "UntilClosed", "closed_meanwhile", "streamed"]
