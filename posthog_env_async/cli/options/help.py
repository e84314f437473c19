"""What stands below the options of every command's help."""

__all__ = ["epilogue"]

EXIT_CODES = (
    "Exit codes: 0 done · 1 failed · 2 wrong use or configuration · 3 incomplete, or not verified ·"
    " 75 the rate limit needs a longer wait · 130 and 143 stopped by Ctrl-C and SIGTERM"
)


def epilogue(examples: str) -> str:
    """Return a command's examples, and what exit codes mean."""
    return f"{examples}\n\n{EXIT_CODES}"
