"""What is measured: one case is one server and the contenders that read from it."""

from collections.abc import Sequence

from attrs import evolve, frozen

from .contenders import (
    AIRBYTE,
    AZURE,
    CEILING,
    DLT,
    EXPORT,
    FLOOR,
    FLOOR_AHEAD,
    FLOOR_FILE,
    IDLE,
    KEPT,
    OURS,
    OURS_ALL,
    OURS_ONE,
    PYDANTIC,
    ROWS,
    STAINLESS,
    Contender,
    ahead,
)

__all__ = ["CASES", "QUICK", "Case", "chosen"]

_KB = 1024


@frozen
class Case:
    """One server (person size, total, compression, delay) and who reads from it."""

    name: str
    title: str
    contenders: Sequence[Contender]
    size: int = _KB
    shape: str = "short"
    total: int = 100_000
    gzip: int = 0
    latency: float = 0.0
    page_size: int = 1000
    ticks: bool = False
    most_rounds: int = 1000

    @property
    def group(self) -> str:
        """Give the name by which the command line picks it: `growth-total-10000` is `growth`."""
        return self.name.partition("-")[0]


_TYPED = (OURS, OURS_ONE, OURS_ALL)
_OURS = (*_TYPED, ROWS, ahead(OURS, 4), ahead(OURS_ONE, 4), ahead(OURS_ALL, 4), ahead(ROWS, 4))
_REFERENCES = (FLOOR, CEILING)
_PEERS = (AZURE, PYDANTIC, DLT, AIRBYTE, STAINLESS)
# Airbyte's pages are 100 persons: at 250 ms a page one run of it takes more than four minutes.
_AT_DISTANCE = (AZURE, PYDANTIC, DLT, STAINLESS)

_SPEED = (
    Case(
        "speed-1kb",
        "1 KB a person, plain bodies",
        (*_OURS, *_REFERENCES, ahead(FLOOR_AHEAD, 4), *_PEERS),
    ),
    Case(
        "speed-5kb",
        "5 KB a person, plain bodies",
        (*_OURS, *_REFERENCES, *(evolve(peer, most_rounds=1) for peer in _PEERS)),
        size=5 * _KB,
    ),
    Case(
        "speed-1kb-gzip",
        "1 KB a person, gzip bodies",
        (*_OURS, *_REFERENCES, *_PEERS),
        gzip=6,
    ),
)
_SHAPED = (*_TYPED, ROWS, *_REFERENCES)
_SHAPES = (
    Case("shape-long-1kb", "1 KB a person, 75 bytes a property", _SHAPED, shape="long"),
    Case(
        "shape-long-5kb",
        "5 KB a person, 75 bytes a property",
        _SHAPED,
        size=5 * _KB,
        shape="long",
        total=40_000,
    ),
    Case("shape-nested-1kb", "1 KB a person, nested objects", _SHAPED, shape="nested"),
    Case("shape-ids-2kb", "2 KB a person, 100 distinct ids", _SHAPED, size=2560, shape="ids"),
)
# orjson refuses a page with half a character or NaN in it, so there is no floor to compare with.
_CLIFF = tuple(
    Case(f"cliff-{shape}", title, (OURS, OURS_ONE, ROWS), shape=shape)
    for shape, title in (
        ("short", "1 KB a person, nothing odd"),
        ("unknown-every", "an unknown field in every row"),
        ("unknown-one", "an unknown field in two rows of a page"),
        ("surrogate-one", "half a character in two rows of a page"),
        ("nan-one", "NaN in two rows of a page"),
    )
)
_FILES = (
    Case(
        "export-ndjson",
        "NDJSON file, 1 KB a person",
        (EXPORT, ahead(EXPORT, 4), FLOOR_FILE, CEILING),
    ),
)
_LATENCY = (
    Case(
        "latency-250",
        "250 ms a page, 1,000 persons a page",
        (OURS, ahead(OURS, 4), ahead(OURS, 8), FLOOR, ahead(FLOOR_AHEAD, 8), *_AT_DISTANCE),
        latency=0.25,
        most_rounds=2,
    ),
)
_PREFETCH = (
    Case(
        "prefetch-250",
        "250 ms a page, 400 pages of 100 persons",
        (OURS, *(ahead(OURS, pages) for pages in (4, 8, 16))),
        total=40_000,
        latency=0.25,
        page_size=100,
        most_rounds=2,
    ),
)
_MEMORY = tuple(
    Case(
        f"memory-{total}",
        f"peak memory, {total:,} persons",
        (OURS, KEPT, ahead(OURS, 8), ahead(EXPORT, 8), FLOOR),
        total=total,
        most_rounds=3,
    )
    for total in (100_000, 1_000_000)
)
_STALLS = (
    Case(
        "stalls-5kb",
        "worst delay of a 1 ms tick, 5 KB × 1,000 a page",
        (OURS, ahead(OURS, 4), ROWS, FLOOR, IDLE),
        size=5 * _KB,
        ticks=True,
    ),
)
_PAIR = (OURS, ahead(OURS, 4), FLOOR)


def _growing(kind: str, name: int, title: str) -> Case:
    return Case(f"growth-{kind}-{name}", title, _PAIR, most_rounds=3)


_GROWTH = (
    *(
        evolve(_growing("total", total, f"{total:,} persons"), total=total)
        for total in (10_000, 30_000, 100_000, 300_000, 1_000_000)
    ),
    *(
        evolve(_growing("page", page, f"pages of {page:,}"), page_size=page)
        for page in (100, 250, 500, 1000, 2500, 5000, 10_000)
    ),
    *(
        evolve(_growing("size", size, f"{size:,} bytes a person"), size=size, total=40_000)
        for size in (512, 1024, 2048, 5120, 10_240, 20_480)
    ),
    *(
        evolve(
            _growing("prefetch", delay, f"{delay} ms a page"),
            latency=delay / 1000,
            contenders=(OURS, *(ahead(OURS, pages) for pages in (1, 2, 4, 8, 16))),
        )
        for delay in (0, 50)
    ),
)

CASES = (*_SPEED, *_SHAPES, *_CLIFF, *_FILES, *_LATENCY, *_PREFETCH, *_MEMORY, *_STALLS, *_GROWTH)

_BRIEF = 20_000

QUICK = (
    evolve(_SPEED[0], contenders=(*_TYPED, ROWS, ahead(OURS, 4), ahead(ROWS, 4), *_REFERENCES)),
    evolve(_SPEED[1], contenders=(OURS, ROWS, *_REFERENCES), total=_BRIEF),
    evolve(_SPEED[2], contenders=(OURS, FLOOR)),
    evolve(_FILES[0], contenders=(EXPORT, FLOOR_FILE, CEILING)),
    evolve(_STALLS[0], contenders=(OURS, ahead(OURS, 4), IDLE), total=_BRIEF),
)


def chosen(names: Sequence[str]) -> Sequence[Case]:
    """Give the cases of these names or groups; all of them when no name is given."""
    if not names:
        return CASES
    return [case for case in CASES if case.name in names or case.group in names]
