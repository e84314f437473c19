"""Requests, answers and errors of the embedded server."""
