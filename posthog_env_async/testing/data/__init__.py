"""The made-up data of the embedded server."""
