"""One module a foreign system; each needs the extra of its name, and this package imports none."""

__all__: tuple[str, ...] = ()
