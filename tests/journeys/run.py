"""Walk three ways a new user goes, each from `pip install` of the wheel, and say how long it took.

`python tests/journeys/run.py [WHEEL]`, or `make journeys`: a FastAPI route with its test; forty
projects to Parquet, loaded as one dataset; eight workers under one budget. Each has an environment
of its own; the server is the embedded one, in a process of its own.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PROJECTS = range(1, 41)
PERSONS = 250
WORKERS = 8


def run(*command: str | Path, **variables: str) -> str:
    """Run a command, and return what it wrote; stop with all it said if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def installed(folder: Path, wheel: str, *others: str) -> Path:
    """Make an environment with the wheel, and return the folder of its programs."""
    run(sys.executable, "-m", "venv", folder)
    programs = folder / "bin"
    run(programs / "python", "-m", "pip", "install", "--quiet", wheel, *others)
    return programs


@contextmanager
def served(programs: Path, *options: str) -> Iterator[dict[str, str]]:
    """Serve forty projects, and give the variables that lead to them."""
    projects = [part for n in PROJECTS for part in ("--project", f"{n}={PERSONS}")]
    server = subprocess.Popen(
        [programs / "posthog-env", "fake", *projects, *options], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        lines = [server.stdout.readline().removeprefix("export ").strip() for _ in range(3)]
        yield dict(line.replace('"', "").replace("'", "").split("=", 1) for line in lines)
    finally:
        server.terminate()
        server.wait()


def fastapi_route(folder: Path, wheel: str) -> str:
    """A route that shows one person, and the test that its author writes."""
    programs = installed(folder / "venv", wheel, "fastapi", "httpx", "pytest")
    app = shutil.copytree(HERE / "fastapi", folder / "app")
    return run(programs / "python", "-m", "pytest", "-q", app).splitlines()[-1]


def forty_projects(folder: Path, wheel: str) -> str:
    """Forty projects to Parquet by the command line, opened as one dataset."""
    programs = installed(folder / "venv", f"{wheel}[cli,parquet]")
    out = folder / "persons"
    with served(programs) as variables:
        command = ("export", "persons", "--all-projects", "--format", "parquet", "--out", f"{out}/")
        run(programs / "posthog-env", *command, **variables)
    loaded = run(programs / "python", HERE / "parquet/load.py", out).strip()
    total = len(PROJECTS) * PERSONS
    assert loaded == f"{len(PROJECTS)} files, {total} persons, {total} distinct", loaded
    return loaded


def eight_workers(folder: Path, wheel: str) -> str:
    """Eight processes that share forty projects and one budget; the server refuses none."""
    programs = installed(folder / "venv", f"{wheel}[cli]")
    with served(programs, "--throttle", "persons=40/1") as variables:
        workers = [
            subprocess.Popen(
                [
                    programs / "python",
                    HERE / "workers/worker.py",
                    folder / "budget.sqlite",
                    *[str(project) for project in PROJECTS[number::WORKERS]],
                ],
                env={**os.environ, **variables},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(WORKERS)
        ]
        ends = [worker.communicate() for worker in workers]
    failed = [error for worker, (_, error) in zip(workers, ends, strict=True) if worker.returncode]
    refused = sum(error.count("429") for _, error in ends)
    persons = sum(int(said) for said, _ in ends if said)
    assert not failed, failed[0]
    assert persons == len(PROJECTS) * PERSONS, persons
    return f"{WORKERS} workers, {persons} persons, {refused} refused"


def main() -> None:
    """Walk each journey, and print its time and what came of it."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        wheel = sys.argv[1] if len(sys.argv) > 1 else built(place)
        for number, journey in enumerate((fastapi_route, forty_projects, eight_workers)):
            folder = place / str(number)
            folder.mkdir()
            began = time.monotonic()
            came = journey(folder, wheel)
            print(
                f"{journey.__name__.replace('_', ' ')}: {time.monotonic() - began:.0f} s ({came})"
            )


def built(place: Path) -> str:
    """Build the wheel of this folder."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", place, HERE.parents[1])
    return str(next(place.glob("*.whl")))


if __name__ == "__main__":
    main()
