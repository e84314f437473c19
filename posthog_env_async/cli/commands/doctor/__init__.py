"""The doctor: what works, and what to fix."""
