"""Run one contender once: `python -m benchmarks.clients MODULE WORK-AS-JSON`, one JSON line out."""

import importlib
import json
import sys

from .meter import Work

__all__ = ["main"]


def main() -> None:
    """Import the contender, run it, print its measure."""
    name, work = sys.argv[1], Work(**json.loads(sys.argv[2]))
    module = importlib.import_module(f"benchmarks.clients.{name}")
    print(json.dumps(module.run(work).result()))


if __name__ == "__main__":
    main()
