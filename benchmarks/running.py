"""Start the page server, run a contender in a fresh process, check what it delivered."""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from attrs import asdict, frozen

from benchmarks.clients.meter import Work, identity

from .cases import Case
from .contenders import Contender
from .rows import email, uuid
from .server import KEY

__all__ = ["BenchmarkError", "Sample", "Server", "run_once", "serving"]

Sample = dict[str, Any]
_ROOT = Path(__file__).parent.parent
_LONGEST = 900.0
_TRACE = 1500


class BenchmarkError(Exception):
    """A contender failed, or did not deliver every person exactly once, in order."""


@frozen
class Server:
    """The address of a page server that runs in its own process."""

    url: str

    def requests(self) -> int:
        """Give the number of pages asked for up to now."""
        with urlopen(f"{self.url}/stats") as answer:  # noqa: S310  - our own loopback server
            return int(json.load(answer)["requests"])

    def delay(self, seconds: float) -> None:
        """Wait that long before every later page."""
        urlopen(f"{self.url}/latency?seconds={seconds}").close()  # noqa: S310


@contextmanager
def serving(case: Case) -> Generator[Server]:
    """Run a page server for the case; it ends with the block, or with this process."""
    options = {
        "--total": case.total,
        "--size": case.size,
        "--shape": case.shape,
        "--gzip": case.gzip,
    }
    words = [str(word) for pair in options.items() for word in pair]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
    )
    with process:
        if process.stdout is None or process.stdin is None:
            raise BenchmarkError("the page server has no pipes")
        yield Server(json.loads(process.stdout.readline())["url"])
        process.stdin.close()


def run_once(contender: Contender, case: Case, server: Server, *, check: bool = False) -> Sample:
    """Run the contender in a fresh process; `check` also compares every person, in order."""
    with tempfile.TemporaryDirectory() as folder:
        work = Work(
            url=server.url,
            key=KEY,
            total=case.total,
            page_size=case.page_size,
            prefetch=contender.prefetch,
            touch=contender.touch,
            check=check,
            ticks=case.ticks,
            folder=folder,
        )
        sample = _run(contender, work)
    if contender.delivers:
        _verify(contender, case, sample, check=check)
    return sample


def _run(contender: Contender, work: Work) -> Sample:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.clients", contender.module, json.dumps(asdict(work))],
        capture_output=True,
        check=False,
        cwd=_ROOT,
        text=True,
        timeout=_LONGEST,
    )
    if done.returncode:
        # The trace goes to the terminal alone: it names this machine's folders.
        print(done.stderr[-_TRACE:], file=sys.stderr)
        kind = done.stderr.strip().splitlines()[-1].partition(":")[0] if done.stderr else "nothing"
        raise BenchmarkError(f"{contender.name} ended with {done.returncode}, {kind}")
    sample: Sample = json.loads(done.stdout.splitlines()[-1])
    return sample


def _verify(contender: Contender, case: Case, sample: Sample, *, check: bool) -> None:
    if sample["persons"] != case.total:
        raise BenchmarkError(f"{contender.name}: {sample['persons']} of {case.total} persons")
    if check and (sample["distinct"], sample["checksum"]) != (case.total, _expected(case.total)):
        raise BenchmarkError(f"{contender.name}: other persons than the server's, or disordered")


def _expected(total: int) -> str:
    lines = "\n".join(identity(uuid(index), email(index)) for index in range(total))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]
