"""Measure a case: a checked warm-up of every contender, then rounds, one contender at a time."""

import sys
from collections.abc import Sequence

from .cases import Case
from .contenders import Contender
from .imports import MODULES, import_seconds
from .machine import machine, versions
from .results import CaseResult
from .running import BenchmarkError, Server, run_once, serving

__all__ = ["measure", "measure_imports"]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(case: Case, *, rounds: int, command: str) -> CaseResult:
    """Run the case: round-robin, a fresh process each time."""
    result = CaseResult(case.title, command, machine(), versions())
    result.labels = {contender.name: contender.label for contender in case.contenders}
    _say(f"{case.name}: {case.title}")
    with serving(case) as server:
        ready = _warmed_up(case, server, result)
        server.delay(case.latency)
        for turn in range(min(rounds, case.most_rounds)):
            for contender in ready:
                if turn < contender.most_rounds:
                    _take(contender, case, server, result)
    return result


def _warmed_up(case: Case, server: Server, result: CaseResult) -> Sequence[Contender]:
    """Let each contender fill the server's cache; only those that deliver everything go on."""
    ready: list[Contender] = []
    for contender in case.contenders:
        if contender.missing:
            result.skipped[contender.name] = f"not installed: {', '.join(contender.missing)}"
            continue
        before = server.requests()
        try:
            run_once(contender, case, server, check=True)
        except BenchmarkError as error:
            # A contender that fails is a result: it is shown, and the others still run.
            result.skipped[contender.name] = str(error)
            _say(str(error))
            continue
        result.requests[contender.name] = server.requests() - before
        ready.append(contender)
    return ready


def _take(contender: Contender, case: Case, server: Server, result: CaseResult) -> None:
    sample = run_once(contender, case, server)
    kept = {key: round(value, 6) for key, value in sample.items() if isinstance(value, int | float)}
    result.samples.setdefault(contender.name, []).append(kept)
    _say(f"  {contender.name:14} {sample['seconds']:8.3f} s  {sample['rss']:6.0f} MB")


def measure_imports(*, rounds: int, command: str) -> CaseResult:
    """Import the client and its peers in turns; an unmeasured first turn warms the disk cache."""
    result = CaseResult("import time", command, machine(), versions())
    result.labels = {module: f"import {module}" for module in MODULES}
    ready: list[str] = []
    for module in MODULES:
        if import_seconds(module):
            ready.append(module)
        else:
            result.skipped[module] = "cannot be imported here"
    for _ in range(max(rounds, 7)):
        for module in ready:
            if sample := import_seconds(module):
                result.samples.setdefault(module, []).append(sample)
    return result
