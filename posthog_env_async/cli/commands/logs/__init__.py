"""`posthog-env logs`."""
