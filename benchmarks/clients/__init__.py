"""One module a contender; each has `run(work) -> None` and reports through a `Meter`."""

__all__: list[str] = []
