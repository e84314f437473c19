"""The generated part of `docs/benchmarks.md`: tables and pictures between two markers."""

import json
from pathlib import Path

from .bars import verdicts
from .machine import PACKAGES
from .results import CaseResult, Results
from .tables import (
    at_once_table,
    bars_table,
    case_table,
    growth_table,
    markdown,
)

__all__ = ["BEGIN", "END", "write"]

BEGIN = "<!-- results: written by `python -m benchmarks`, do not edit -->"
END = "<!-- results: end -->"
_PICTURES = {
    "speed-1kb": "persons per second, 1 KB a person",
    "speed-5kb": "persons per second, 5 KB a person",
    "speed-1kb-gzip": "persons per second, 1 KB a person, gzip",
    "latency-250": "persons per second at 250 ms a page",
    "prefetch-250": "speed-up by prefetch at 250 ms a page",
}
_ORDER = (
    "speed",
    "shape",
    "cliff",
    "export",
    "latency",
    "prefetch",
    "memory",
    "stalls",
    "single",
    "start",
    "imports",
)
_GROWTH = {
    "total": "Growth with the number of persons",
    "page": "Growth with the page size",
    "size": "Growth with the size of a person",
    "prefetch": "Growth with prefetch, without and with a delay",
}


def write(page: Path, results: Results) -> None:
    """Replace what stands between the markers of the page."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = [_bars(results), *_cases(results), *_growth(results), _at_once(page), _setup(results)]
    body = "\n\n".join(part for part in parts if part)
    page.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", encoding="utf-8")


def _bars(results: Results) -> str:
    found = verdicts(results)
    return f"## The bars\n\n{bars_table(found)}" if found else ""


def _cases(results: Results) -> list[str]:
    plain = [(name, case) for name, case in results.cases.items() if "growth" not in name]
    return [_case(name, case) for name, case in sorted(plain, key=lambda item: _place(item[0]))]


def _place(name: str) -> tuple[int, str]:
    return _ORDER.index(name.partition("-")[0]), name


def _case(name: str, case: CaseResult) -> str:
    title = f"## {case.title[0].upper()}{case.title[1:]}"
    picture = f"\n\n{_picture(name, _PICTURES[name])}" if name in _PICTURES else ""
    return f"{title}{picture}\n\n{case_table(name, case)}\n\n{_source(case)}"


def _growth(results: Results) -> list[str]:
    tables = {kind: growth_table(results, kind) for kind in _GROWTH}
    return [
        f"## {_GROWTH[kind]}\n\n{_picture(f'growth-{kind}', _GROWTH[kind].lower())}\n\n{table}"
        for kind, table in tables.items()
        if table
    ]


def _at_once(page: Path) -> str:
    """Give what `python -m benchmarks.concurrency` left, if it did."""
    kept = page.parent / "_static/benchmarks/concurrency.json"
    if not kept.exists():
        return ""
    title, text = "Growth with what runs at once", kept.read_text(encoding="utf-8")
    source = "Taken with `python -m benchmarks.concurrency`: exports of 5,000 persons, and `get`s."
    table = at_once_table(json.loads(text))
    return f"## {title}\n\n{_picture('concurrency', title.lower())}\n\n{table}\n\n{source}"


def _picture(name: str, caption: str) -> str:
    return f"![{caption}](_static/benchmarks/{name}.svg)"


def _source(case: CaseResult) -> str:
    return f"Taken with `{case.command}` on {case.machine}."


def _setup(results: Results) -> str:
    if not results.cases:
        return ""
    newest = list(results.cases.values())[-1].versions
    rows = [(package, newest[package]) for package in PACKAGES if package in newest]
    return f"## Versions\n\n{markdown(('package', 'version'), rows)}"
