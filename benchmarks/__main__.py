"""The one command: `python -m benchmarks [--quick] [--cases …] [--rounds N]`."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .bars import verdicts
from .cases import CASES, QUICK, chosen
from .machine import machine, versions
from .measuring import measure, measure_imports
from .report import write
from .results import CaseResult, Results
from .single_call import measure_calls
from .start_up import measure_starts
from .tables import bars_table, case_table

__all__ = ["main"]

_DOCS = Path(__file__).parent.parent / "docs"
_PICTURES = _DOCS / "_static" / "benchmarks"
_KEPT = _PICTURES / "results.json"
_IMPORTS = "imports"
_PROGRAMS: Mapping[str, Callable[[str], CaseResult]] = {
    "single-call": measure_calls,
    "start-up": measure_starts,
}


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ours, floor, ceiling; prints only")
    parser.add_argument("--cases", default="", help="names or groups, with commas; see --list")
    parser.add_argument("--rounds", type=int, default=0, help="runs of each (default 5, quick 3)")
    parser.add_argument("--list", action="store_true", help="name the cases and stop")
    parser.add_argument("--dry", action="store_true", help="print; leave the documentation alone")
    parser.add_argument("--render", action="store_true", help="only write the page again")
    return parser.parse_args(words)


def _show(results: Results, name: str) -> None:
    case = results.cases[name]
    print(f"\n### {name}: {case.title}\n\n{case_table(name, case)}", flush=True)


def _quick(rounds: int, command: str) -> None:
    results = Results()
    for case in QUICK:
        results.cases[case.name] = measure(case, rounds=rounds or 3, command=command)
        _show(results, case.name)
    print(f"\n{bars_table(verdicts(results))}")


def _render(results: Results) -> None:
    # matplotlib is needed for the pictures alone: measuring works without it.
    from .plots import draw  # noqa: PLC0415

    draw(results, _PICTURES)
    write(_DOCS / "benchmarks.md", results)


def _full(options: argparse.Namespace, command: str) -> None:
    names = [name for name in options.cases.split(",") if name]
    results, rounds = Results.load(_KEPT), options.rounds or 5
    for case in chosen(names):
        results.cases[case.name] = measure(case, rounds=rounds, command=command)
        _show(results, case.name)
        if not options.dry:
            results.save(_KEPT)
    if not names or _IMPORTS in names:
        results.cases[_IMPORTS] = measure_imports(rounds=rounds, command=command)
        _show(results, _IMPORTS)
    for name, program in _PROGRAMS.items():
        if not names or name in names:
            results.cases[name] = program(command)
            _show(results, name)
    if not options.dry:
        results.save(_KEPT)
        _render(results)
    print(f"\n{bars_table(verdicts(results))}")


def main() -> None:
    """Measure what was asked for, print it, and write the documentation's page."""
    options = _options(sys.argv[1:])
    command = " ".join(["python -m benchmarks", *sys.argv[1:]])
    if options.list:
        print("\n".join([*(f"{case.name:24}{case.title}" for case in CASES), _IMPORTS, *_PROGRAMS]))
    elif options.render:
        _render(Results.load(_KEPT))
    else:
        shown = ", ".join(f"{name} {number}" for name, number in versions().items())
        print(f"{command}\n{machine()}\n{shown}", flush=True)
        if options.quick:
            _quick(options.rounds, command)
        else:
            _full(options, command)


if __name__ == "__main__":
    main()
