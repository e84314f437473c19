"""The pictures of the results, as SVG files that stay the same while the numbers do."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .results import CaseResult, Results

__all__ = ["draw"]

_OURS, _REFERENCE, _PEER = "#1d4aff", "#8a8a8a", "#f5a524"
_BARS = ("speed-1kb", "speed-5kb", "speed-1kb-gzip", "latency-250")
_GROWTH = {
    "total": "persons",
    "page": "persons a page",
    "size": "bytes a person",
}


def draw(results: Results, folder: Path) -> None:
    """Write one SVG a case and a growth series, for those that were measured."""
    mpl.rcParams |= {"svg.hashsalt": "posthog-env-async", "svg.fonttype": "none", "font.size": 9}
    folder.mkdir(parents=True, exist_ok=True)
    for name in _BARS:
        if name in results.cases:
            _save(_speeds(results.cases[name]), folder / f"{name}.svg")
    if "prefetch-250" in results.cases:
        _save(_prefetch_ratios(results.cases["prefetch-250"]), folder / "prefetch-250.svg")
    for kind, unit in _GROWTH.items():
        if points := _points(results, kind):
            _save(_growth(points, unit), folder / f"growth-{kind}.svg")
    if points := _points(results, "prefetch"):
        _save(_growth_by_prefetch(points), folder / "growth-prefetch.svg")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None})


def _speeds(case: CaseResult) -> Figure:
    speeds = [(name, speed) for name in case.samples if (speed := case.speed(name))]
    speeds.sort(key=lambda item: item[1].median)
    figure = Figure(figsize=(8, 0.34 * len(speeds) + 0.9))
    axes = figure.add_subplot()
    axes.barh(
        [f"{_text(case, name)}   {speed.median:,.0f}" for name, speed in speeds],
        [speed.median for _, speed in speeds],
        color=[_color(case.labels[name]) for name, _ in speeds],
        xerr=[
            [speed.median - speed.low for _, speed in speeds],
            [speed.high - speed.median for _, speed in speeds],
        ],
        error_kw={"elinewidth": 0.8, "capsize": 2},
    )
    axes.set_xlabel("persons per second: median, lowest and highest run")
    _plain(axes)
    axes.grid(axis="x", alpha=0.3)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    return figure


def _text(case: CaseResult, name: str) -> str:
    return case.labels.get(name, name).replace("`", "")


def _color(label: str) -> str:
    if label.startswith("ours"):
        return _OURS
    return _REFERENCE if label.startswith(("aiohttp", "raw")) else _PEER


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _prefetch_ratios(case: CaseResult) -> Figure:
    one = case.measure("ours", "seconds")
    figure = Figure(figsize=(5, 3.2))
    axes = figure.add_subplot()
    pages = [int(name.partition("-")[2] or 1) for name in case.samples]
    took = [case.measure(name, "seconds") for name in case.samples]
    gains = [one.median / spread.median if one and spread else 0 for spread in took]
    axes.plot(pages, pages, "--", color=_REFERENCE, label="ideal")
    axes.plot(pages, gains, "o-", color=_OURS, label="ours")
    axes.set_xlabel("pages in flight")
    axes.set_ylabel("times faster than sequential")
    _plain(axes)
    axes.legend(frameon=False)
    return figure


def _points(results: Results, kind: str) -> list[tuple[int, CaseResult]]:
    prefix = f"growth-{kind}-"
    return sorted(
        (int(name.removeprefix(prefix)), case)
        for name, case in results.cases.items()
        if name.startswith(prefix)
    )


def _growth(points: Sequence[tuple[int, CaseResult]], unit: str) -> Figure:
    figure = Figure(figsize=(8, 3.2))
    speed, memory = figure.subplots(1, 2)
    for name, style in (("ours", "o-"), ("ours-4", "s--"), ("floor", "^:")):
        lines = [(x, case.speed(name), case.measure(name, "rss")) for x, case in points]
        known = [(x, fast.median, used.median) for x, fast, used in lines if fast and used]
        label = _text(points[0][1], name)
        color = _color(label)
        speed.plot([x for x, _, _ in known], [y for _, y, _ in known], style, color=color)
        memory.plot(
            [x for x, _, _ in known], [z for *_, z in known], style, color=color, label=label
        )
    for axes, title in ((speed, "persons per second"), (memory, "peak memory, MB")):
        axes.set(xlabel=unit, title=title, xscale="log")
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        _plain(axes)
    figure.legend(*memory.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.set_layout_engine("constrained")
    return figure


def _growth_by_prefetch(points: Sequence[tuple[int, CaseResult]]) -> Figure:
    figure = Figure(figsize=(8, 3.2))
    for axes, (_, case) in zip(
        figure.subplots(1, len(points), squeeze=False)[0], points, strict=True
    ):
        known = [(name, speed) for name in case.samples if (speed := case.speed(name))]
        pages = [int(name.partition("-")[2] or 0) for name, _ in known]
        axes.plot(pages, [speed.median for _, speed in known], "o-", color=_OURS)
        axes.set(xlabel="prefetch", title=f"persons per second, {case.title}")
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        _plain(axes)
    figure.set_layout_engine("constrained")
    return figure
