"""The simulation's table and picture: `python -m benchmarks.simulation_plot`."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from posthog_env_async.session import Limit

from .simulation import Job, Outcome, simulate

__all__ = ["main"]

PICTURE = Path(__file__).parent.parent / "docs" / "_static" / "distributed.svg"
WORKERS = (1, 2, 4, 8, 16, 32, 64, 125, 250, 500, 1000)
PROJECTS = (1, 10, 100, 500)
ROUGH: Mapping[str, object] = {"deaths": 1 / 3600, "inserts": 1.0, "deletes": 0.5}
OLD = (Limit(240, 60.0), Limit(1200, 3600.0))
CASES: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("quiet", {}),
    ("each worker for itself", {"shared": False}),
    ("a death an hour and worker, persons come and go", ROUGH),
    ("old server: 1,200 an hour too", {"windows": OLD}),
)


def run(workers: int, **fields: object) -> Outcome:
    """Simulate ten million persons."""
    return simulate(Job(workers=workers, **fields))  # type: ignore[arg-type]


def table() -> str:
    """Return what the documentation shows."""
    lines = [
        "| case | workers | projects | minutes | requests | budget used | 429s | read again |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for title, fields in CASES:
        for workers, projects in ((1, 1), (2, 1), (4, 40), (16, 40), (125, 40), (1000, 500)):
            out = run(workers, projects=projects, **fields)
            again = f"{out.redone} partitions, {out.seams} seams"
            lines.append(
                f"| {title} | {workers:,} | {projects} | {out.seconds / 60:,.0f} |"
                f" {out.requests:,} | {out.used:.1%} | {out.refused:,} | {again} |"
            )
    return "\n".join(lines)


def draw(path: Path) -> None:
    """Draw time and 429s over the number of workers."""
    mpl.rcParams |= {"svg.hashsalt": "posthog-env-async", "svg.fonttype": "none", "font.size": 9}
    figure = Figure(figsize=(9, 3.6))
    times, refusals = figure.subplots(1, 2)
    for projects in PROJECTS:
        quiet = [run(workers, projects=projects) for workers in WORKERS]
        times.plot(WORKERS, [out.seconds / 60 for out in quiet], label=f"projects: {projects}")
    rough = [run(workers, **ROUGH) for workers in WORKERS]
    times.plot(WORKERS, [out.seconds / 60 for out in rough], "--", label="1, with deaths and drift")
    times.set(
        xscale="log", ylim=(0, None), xlabel="workers", ylabel="minutes for ten million persons"
    )
    times.legend()
    for title, shared in (("shared limit", True), ("each for itself", False)):
        found = [run(workers, shared=shared) for workers in WORKERS]
        refusals.plot(WORKERS, [out.refused for out in found], label=title)
    refusals.set(xscale="log", yscale="symlog", ylim=(-0.2, None), xlabel="workers", ylabel="429s")
    refusals.legend()
    for axes in (times, refusals):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})


def main() -> None:
    """Print the table and draw the picture."""
    print(table())
    draw(PICTURE)


if __name__ == "__main__":
    main()
