"""Measure the client beside its peers: `python -m benchmarks`, loopback only."""

__all__: list[str] = []
