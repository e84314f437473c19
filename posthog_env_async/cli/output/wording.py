"""Numbers as people say them: counts, durations, sizes, windows of a limit."""

__all__ = ["counted", "duration", "plural", "size_text", "window_name"]

WINDOWS = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86_400.0: "day"}


def plural(noun: str) -> str:
    """Return the plural of a noun."""
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def duration(seconds: float) -> str:
    """Return seconds as hours, minutes and seconds."""
    rounded = round(seconds)
    if rounded < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{rounded} s"
    minutes, rest = divmod(rounded, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size_text(size: int) -> str:
    """Return a number of bytes in the unit that fits."""
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def window_name(seconds: float) -> str:
    """Return the name of a limit's window of so many seconds."""
    return WINDOWS.get(seconds, f"{seconds:g} s")
