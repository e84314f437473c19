"""`posthog-env persons`."""
