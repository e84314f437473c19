"""The demo: an embedded server, an export that is killed, and its resumption."""
