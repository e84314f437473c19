"""Results as Markdown tables, for the terminal and the documentation."""

from collections.abc import Mapping, Sequence
from typing import Any

from .bars import Verdict
from .results import CaseResult, Results

__all__ = [
    "at_once_table",
    "bars_table",
    "case_table",
    "growth_table",
    "markdown",
]


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a table: the first column to the left, the others to the right."""
    rule = [":---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def case_table(name: str, result: CaseResult) -> str:
    """Give the table of a case, which its name tells the kind of."""
    kinds = {
        "imports": _imports_table,
        "single": _times_table,
        "stalls": _stalls_table,
        "start": _times_table,
    }
    return kinds.get(name.partition("-")[0], _speed_table)(result)


def _speed_table(result: CaseResult) -> str:
    """Give the contenders of one case, the fastest first, with the ratio to the floor."""
    head = [
        "client",
        "persons/s",
        "min-max",
        "× floor",
        "CPU s",
        "peak MB",
        "first person ms",
        "requests",
        "runs",
    ]
    floor = result.speed("floor") or result.speed("floor-file")
    speeds = {name: speed for name in result.samples if (speed := result.speed(name))}
    rows: list[Sequence[str]] = []
    for name, speed in sorted(speeds.items(), key=lambda item: -item[1].median):
        rows.append(
            (
                _label(result, name),
                f"{speed.median:,.0f}",
                f"{speed.low:,.0f}-{speed.high:,.0f}",
                f"{speed.median / floor.median:.2f}" if floor else "",
                *_costs(result, name),
                f"{speed.runs}",
            )
        )
    return "\n".join([markdown(head, rows), *_skipped(result)])


def _costs(result: CaseResult, name: str) -> Sequence[str]:
    cpu, memory = result.measure(name, "cpu"), result.measure(name, "rss")
    first = result.measure(name, "first")
    if cpu is None or memory is None or first is None:
        return ("", "", "", "")
    return (
        f"{cpu.median:.2f}",
        f"{memory.median:.0f}",
        f"{first.median * 1000:.1f}" if first.median else "",
        f"{result.requests.get(name, 0):,}",
    )


def _label(result: CaseResult, name: str) -> str:
    label = result.labels[name]
    return f"**{label}**" if label.startswith("ours") else label


def _skipped(result: CaseResult) -> list[str]:
    lines = [f"- not run: {result.labels[name]} ({why})" for name, why in result.skipped.items()]
    return ["", *lines] if lines else []


def _stalls_table(result: CaseResult) -> str:
    """Give the worst delay of a 1 ms tick by contender."""
    rows: list[Sequence[str]] = []
    for name in result.samples:
        worst = result.measure(name, "worst_tick")
        if worst:
            spread = f"{worst.low * 1000:.1f}-{worst.high * 1000:.1f}"
            rows.append((_label(result, name), f"{worst.median * 1000:.1f}", spread))
    return markdown(("client", "worst delay ms (median of runs)", "min-max"), rows)


def _imports_table(result: CaseResult) -> str:
    """Give the import times, with the ratio to `import aiohttp`."""
    base = result.measure("aiohttp", "seconds")
    rows: list[Sequence[str]] = []
    for name in result.samples:
        took = result.measure(name, "seconds")
        if took and base:
            spread = f"{took.low * 1000:.0f}-{took.high * 1000:.0f}"
            ratio = f"{took.median / base.median:.2f}"
            rows.append((f"`import {name}`", f"{took.median * 1000:.0f}", spread, ratio))
    head = ("", "ms", "min-max", "× aiohttp")
    return "\n".join([markdown(head, rows), *_skipped(result)])


def _times_table(result: CaseResult) -> str:
    """Give times, wall and processor, each beside the one before the pair: what it is measured on.

    The first of each pair of lines is the rival of the second.
    """
    rows: list[Sequence[str]] = []
    rival = None
    for number, name in enumerate(result.samples):
        took, busy = result.measure(name, "seconds"), result.measure(name, "cpu")
        if took is None or busy is None:
            continue
        rival = took if number % 2 == 0 else rival
        ratio = f"{took.median / rival.median:.2f}" if rival and number % 2 else ""
        rows.append(
            (
                result.labels[name],
                f"{took.median * 1000:.2f}",
                f"{took.low * 1000:.2f}-{took.high * 1000:.2f}",
                f"{busy.median * 1000:.2f}" if busy.median else "",
                ratio,
            )
        )
    return markdown(("what", "ms", "min-max", "processor ms", "× the line above"), rows)


def at_once_table(points: Sequence[Mapping[str, Any]]) -> str:
    """Give the growth with what runs at once."""
    first = {point["kind"]: point for point in reversed(points)}
    rows = [
        (
            f"{point['at_once']:,} {point['kind']}",
            f"{point['seconds']:.3f}",
            f"{point['seconds'] / point['at_once'] / first[point['kind']]['seconds']:.2f}",
            f"{point['megabytes']:.0f}",
            f"{point['megabytes'] - first[point['kind']]['megabytes']:+.0f}",
        )
        for point in points
    ]
    head = ("at once", "seconds", "of one, each", "peak MB", "MB above one")
    return markdown(head, rows)


def bars_table(found: Sequence[Verdict]) -> str:
    """Give every bar with what was reached, and whether that is enough."""
    head = ("case", "against", "bar", "reached", "with prefetch=4", "met")
    rows: list[Sequence[str]] = []
    for verdict in found:
        bar = verdict.bar
        sign = "≤" if bar.at_most else "≥"
        ahead = "" if verdict.ahead is None else f"{verdict.ahead:.2f}{bar.unit}"
        bound = f"{sign} {bar.bound:g}{bar.unit}"
        rows.append(
            (bar.what, bar.against, bound, f"{verdict.value:.2f}{bar.unit}", ahead, _met(verdict))
        )
    return markdown(head, rows)


def _met(verdict: Verdict) -> str:
    bar, alone = verdict.bar, verdict.bar.met(verdict.value)
    ahead = alone if verdict.ahead is None else bar.met(verdict.ahead)
    if alone and (ahead or not bar.at_most):
        return "met"
    if alone:
        return "**not with prefetch**"
    return "**only with prefetch**" if ahead else "**not met**"


def growth_table(results: Results, kind: str) -> str:
    """Give one growth series: speed and peak memory, one line a point."""
    prefix = f"growth-{kind}-"
    points = sorted(
        (int(name.removeprefix(prefix)), case)
        for name, case in results.cases.items()
        if name.startswith(prefix)
    )
    if not points:
        return ""
    names = list(points[0][1].samples)
    labels = [points[0][1].labels[name] for name in names]
    rows = [(case.title, *(_point(case, name) for name in names)) for _, case in points]
    return markdown(("persons/s (peak MB)", *labels), rows)


def _point(case: CaseResult, name: str) -> str:
    speed, memory = case.speed(name), case.measure(name, "rss")
    return f"{speed.median:,.0f} ({memory.median:.0f})" if speed and memory else ""
