"""Who takes part: this client in its forms, the hand-written references, the peers."""

import importlib.util
from collections.abc import Sequence

from attrs import evolve, frozen

__all__ = [
    "AIRBYTE",
    "AZURE",
    "CEILING",
    "DLT",
    "EXPORT",
    "FLOOR",
    "FLOOR_AHEAD",
    "FLOOR_FILE",
    "IDLE",
    "KEPT",
    "OURS",
    "OURS_ALL",
    "OURS_ONE",
    "PYDANTIC",
    "ROWS",
    "STAINLESS",
    "Contender",
    "ahead",
]


@frozen
class Contender:
    """One client in one form; `requires` are the modules that have to be importable."""

    name: str
    label: str
    module: str
    kind: str = "peer"
    touch: str = "none"
    prefetch: int = 0
    requires: Sequence[str] = ()
    most_rounds: int = 1000
    delivers: bool = True

    @property
    def missing(self) -> Sequence[str]:
        """Give the modules that are not installed here."""
        return [name for name in self.requires if importlib.util.find_spec(name) is None]


def ahead(contender: Contender, pages: int) -> Contender:
    """Give the same contender with `pages` pages in flight."""
    label = f"{contender.label}, prefetch={pages}"
    return evolve(contender, name=f"{contender.name}-{pages}", label=label, prefetch=pages)


_OURS = Contender("", "", "ours", "ours", requires=("posthog_env_async",))

OURS = evolve(_OURS, name="ours", label="ours, typed, properties untouched")
OURS_ONE = evolve(_OURS, name="ours-one", label="ours, typed, one property read", touch="one")
OURS_ALL = evolve(_OURS, name="ours-all", label="ours, typed, all properties read", touch="all")
ROWS = evolve(_OURS, name="rows", label="ours, `.rows()`", touch="rows")
KEPT = evolve(_OURS, name="kept", label="ours, typed, one person of every page kept", touch="kept")
EXPORT = evolve(_OURS, name="export", label="ours, NDJSON export", module="ours_export")

CEILING = Contender("ceiling", "raw bytes, no parse (ceiling)", "raw_bytes", "reference")
FLOOR = Contender("floor", "aiohttp + orjson, dicts (floor)", "aiohttp_orjson", "reference")
FLOOR_AHEAD = Contender(
    "floor-ahead", "aiohttp + orjson, dicts, in flight", "aiohttp_orjson_ahead", "reference"
)
FLOOR_FILE = Contender(
    "floor-file", "aiohttp + orjson loads + dumps to a file", "aiohttp_orjson_ndjson", "reference"
)
IDLE = Contender("idle", "no client (the machine)", "nothing", "reference", delivers=False)

PYDANTIC = Contender(
    "pydantic", "httpx + pydantic v2, typed", "httpx_pydantic", requires=("httpx", "pydantic")
)
STAINLESS = Contender(
    "stainless",
    "Stainless AsyncPaginator (openai), typed",
    "stainless",
    requires=("openai", "httpx2"),
    most_rounds=3,
)
DLT = Contender("dlt", "dlt RESTClient (sync)", "dlt_rest", requires=("dlt",), most_rounds=3)
AZURE = Contender(
    "azure", "azure-core AsyncItemPaged, dicts", "azure_paging", requires=("azure.core",)
)
AIRBYTE = Contender(
    "airbyte",
    "airbyte-source-posthog, pages of 100",
    "airbyte_posthog",
    requires=("airbyte_cdk", "source_posthog"),
    most_rounds=3,
)
