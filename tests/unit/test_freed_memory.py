"""Memory that is let go is used again."""

import subprocess
import sys

import pytest

PAGES = """
import resource
from posthog_env_async.session.wire.freed_memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if {kept}:
    keep_freed_memory()
before = faults()
for megabytes in range(2, 12):
    b"x" * (megabytes << 20)
print(faults() - before)
"""


def _faults(*, kept: bool) -> int:
    code = PAGES.format(kept=kept)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator of another system")
def test_a_larger_page_takes_the_memory_of_the_one_before() -> None:
    without = _faults(kept=False)
    if without < 5_000:
        pytest.skip("this allocator keeps freed memory by itself")

    assert _faults(kept=True) < without / 3
