"""The bars that the client has to clear, each a ratio of medians taken in one run."""

from collections.abc import Callable

from attrs import frozen

from .results import Results

__all__ = ["BARS", "Bar", "Verdict", "verdicts"]

Value = Callable[[Results], float | None]


@frozen
class Bar:
    """One bar: what is compared, with what, and the number it has to reach."""

    what: str
    against: str
    bound: float
    value: Value
    unit: str = "×"
    ahead: Value | None = None
    at_most: bool = False

    def met(self, value: float) -> bool:
        """Tell whether the value clears the bar."""
        return value <= self.bound if self.at_most else value >= self.bound


@frozen
class Verdict:
    """A bar with what was reached: sequentially, and with `prefetch=4` where that was run."""

    bar: Bar
    value: float
    ahead: float | None


def _speed(case: str, ours: str, other: str) -> Value:
    def value(results: Results) -> float | None:
        mine, theirs = results.speed(case, ours), results.speed(case, other)
        return mine.median / theirs.median if mine and theirs else None

    return value


def _ratio(what: str, bound: float, against: str, *, case: str, pair: tuple[str, str]) -> Bar:
    ours, other = pair
    ahead = _speed(case, f"{ours}-4", other)
    return Bar(what, against, bound, _speed(case, ours, other), ahead=ahead)


def _cliff(shape: str, contender: str) -> Value:
    """Compare a contender on rows with something odd to itself on plain ones."""

    def value(results: Results) -> float | None:
        plain = results.speed("cliff-short", contender)
        odd = results.speed(f"cliff-{shape}", contender)
        return odd.median / plain.median if plain and odd else None

    return value


def _cliffs(contender: str, what: str, bound: float) -> tuple[Bar, ...]:
    shapes = ("unknown-every", "unknown-one", "surrogate-one", "nan-one")
    return tuple(
        Bar(f"{what}, {shape}", "plain rows", bound, _cliff(shape, contender)) for shape in shapes
    )


def _faster(prefetch: int) -> Value:
    def value(results: Results) -> float | None:
        one = results.measure("prefetch-250", "ours", "seconds")
        many = results.measure("prefetch-250", f"ours-{prefetch}", "seconds")
        return one.median / many.median if one and many else None

    return value


def _stall(contender: str) -> Value:
    def value(results: Results) -> float | None:
        spread = results.measure("stalls-5kb", contender, "worst_tick")
        return spread.median * 1000 if spread else None

    return value


def _memory(contender: str) -> Value:
    def value(results: Results) -> float | None:
        small = results.measure("memory-100000", contender, "rss")
        large = results.measure("memory-1000000", contender, "rss")
        return large.median - small.median if small and large else None

    return value


_DICTS, _BYTES = "aiohttp + orjson, dicts", "raw bytes"
_CLIENT = "posthog_env_async.client"
_HELP, _PARTS = "posthog-env --help", "python -c 'import cyclopts, rich'"
_LONG, _LONG_5 = "shape-long-1kb", "shape-long-5kb"
_ONE_KB, _FIVE_KB, _GZIP, _FILE = "speed-1kb", "speed-5kb", "speed-1kb-gzip", "export-ndjson"


def _kept(results: Results) -> float | None:
    none = results.measure("memory-100000", "ours", "rss")
    kept = results.measure("memory-100000", "kept", "rss")
    return kept.median - none.median if none and kept else None


def _times(case: str, ours: str, other: str) -> Value:
    """Compare two times of a case: ours beside the other."""

    def value(results: Results) -> float | None:
        mine, theirs = (
            results.measure(case, ours, "seconds"),
            results.measure(case, other, "seconds"),
        )
        return mine.median / theirs.median if mine and theirs else None

    return value


BARS = (
    _ratio("typed, 1 KB, one read", 1.4, _DICTS, case=_ONE_KB, pair=("ours-one", "floor")),
    _ratio("typed, 1 KB, none read", 2.0, _DICTS, case=_ONE_KB, pair=("ours", "floor")),
    _ratio("typed, 5 KB, none read", 4.9, _DICTS, case=_FIVE_KB, pair=("ours", "floor")),
    _ratio("typed, 1 KB, all read", 1.0, _DICTS, case=_ONE_KB, pair=("ours-all", "floor")),
    _ratio("`.rows()`, 1 KB", 0.5, _BYTES, case=_ONE_KB, pair=("rows", "ceiling")),
    _ratio("NDJSON export", 3.3, "loads + dumps", case=_FILE, pair=("export", "floor-file")),
    _ratio("NDJSON export", 0.35, _BYTES, case=_FILE, pair=("export", "ceiling")),
    _ratio("typed, 1 KB", 3, "httpx + pydantic", case=_ONE_KB, pair=("ours", "pydantic")),
    _ratio("typed, 1 KB", 15, "Stainless", case=_ONE_KB, pair=("ours", "stainless")),
    _ratio("typed, 1 KB, gzip, `speed`", 1.4, _DICTS, case=_GZIP, pair=("ours", "floor")),
    _ratio("typed, 1 KB long, one read", 1.4, _DICTS, case=_LONG, pair=("ours-one", "floor")),
    _ratio("typed, 1 KB long, none read", 2.0, _DICTS, case=_LONG, pair=("ours", "floor")),
    _ratio("typed, 1 KB long, all read", 1.0, _DICTS, case=_LONG, pair=("ours-all", "floor")),
    _ratio("typed, 5 KB long, none read", 1.9, _DICTS, case=_LONG_5, pair=("ours", "floor")),
    *_cliffs("ours", "typed, none read", 0.5),
    *_cliffs("ours-one", "typed, one read", 0.5),
    *_cliffs("rows", "`.rows()`", 0.6),
    Bar("worst stall, 5 KB × 1,000", "", 10, _stall("ours"), " ms", _stall("ours-4"), at_most=True),
    Bar("`persons.get`", "bare aiohttp", 0.8, _times("single-call", "bare-1", "ours-1")),
    Bar("16 `persons.get`", "bare aiohttp", 0.8, _times("single-call", "bare-16", "ours-16")),
    Bar("import", "aiohttp", 1.35, _times("imports", _CLIENT, "aiohttp"), at_most=True),
    Bar("`--help`", "cyclopts, rich", 1.5, _times("start-up", _HELP, _PARTS), at_most=True),
    Bar("prefetch=4 at 250 ms", "sequential", 3.8, _faster(4)),
    Bar("prefetch=8 at 250 ms", "sequential", 7.5, _faster(8)),
    Bar("prefetch=16 at 250 ms", "sequential", 14, _faster(16)),
    Bar("memory, a person of each page kept", "none kept", 15, _kept, " MB more", at_most=True),
    Bar("memory, 1,000,000 read", "100,000", 25, _memory("ours-8"), " MB more", at_most=True),
    Bar("memory, 1,000,000 exported", "100,000", 25, _memory("export-8"), " MB more", at_most=True),
)


def verdicts(results: Results) -> list[Verdict]:
    """Compare what was measured with the bars; a bar without its case is left out."""
    found: list[Verdict] = []
    for bar in BARS:
        value = bar.value(results)
        if value is not None:
            found.append(Verdict(bar, value, bar.ahead(results) if bar.ahead else None))
    return found
