"""Show the spans of an export on the console: `python traced_export.py`, with the extra `otel`."""

from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from posthog_env_async import PostHogEnv
from posthog_env_async.export import export
from posthog_env_async.integrations import opentelemetry
from posthog_env_async.testing import FakePostHog, Fault


def line(span: ReadableSpan) -> str:
    """Write a span as one line; the console exporter's own are whole pages of JSON."""
    attributes, below = span.attributes or {}, "  " if span.parent else ""
    status = attributes.get("http.response.status_code", "no answer")
    seconds = ((span.end_time or 0) - (span.start_time or 0)) / 1e9
    return f"{below}{span.name} {status} in {seconds:.3f} s\n"


async def main() -> None:
    """Export from the loopback; the second page fails once."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=line)))
    watch = opentelemetry.observer(tracer_provider=provider)
    with TemporaryDirectory() as folder:
        async with FakePostHog(persons=3_000, mode="routes") as fake:
            fake.faults.append(Fault(503, after=1))
            async with PostHogEnv(1, api_key=fake.key, host=fake.url, observer=watch) as env:
                report = await export(env.persons.list(), Path(folder) / "persons.ndjson")
    print(f"{report.rows} persons")
    provider.shutdown()


if __name__ == "__main__":
    anyio.run(main)
