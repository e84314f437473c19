"""Limits that processes share: what the stores have in common."""
