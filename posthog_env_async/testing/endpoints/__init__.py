"""The endpoints of the embedded server."""
