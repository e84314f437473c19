"""The made-up log entries, and the queries for them."""
