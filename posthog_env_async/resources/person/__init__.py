"""What persons are asked for and changed by, one module a task."""
