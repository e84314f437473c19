"""What is shown of a command while it runs."""
