"""What needs a package that is not installed says so, and names the extra that brings it."""

import subprocess
import sys

import pytest

WITHOUT = """
import sys

sys.modules[sys.argv[1]] = None
from posthog_env_async import ConfigurationError
try:
    exec(sys.argv[2])
except ConfigurationError as error:
    print(error)
"""
FROM = "from posthog_env_async.integrations import"


@pytest.mark.parametrize(
    ("package", "use", "said"),
    [
        ("redis.asyncio", f"{FROM} redis; redis.RedisLimiter('redis://x')", "[redis]"),
        ("taskiq_redis", f"{FROM} taskiq; taskiq.partition_broker('redis://x')", "[taskiq]"),
        ("dask.bag", f"{FROM} dask; dask.read_persons('p.ndjson')", "[dask]"),
        ("opentelemetry", f"{FROM} opentelemetry as o; o.observer()", "[otel]"),
        ("prometheus_client", f"{FROM} prometheus; prometheus.observer()", "[prometheus]"),
        ("rich.console", f"{FROM} progress; progress.terminal_progress().__enter__()", "[cli]"),
        ("IPython.display", f"{FROM} progress; progress.notebook_progress()", "IPython"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(package: str, use: str, said: str) -> None:
    words = [sys.executable, "-W", "error", "-c", WITHOUT, package, use]

    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert said in done.stdout
    assert "missing" in done.stdout or "need" in done.stdout
