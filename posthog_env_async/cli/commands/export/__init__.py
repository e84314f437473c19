"""`posthog-env export`."""
