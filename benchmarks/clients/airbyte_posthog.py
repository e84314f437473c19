"""Airbyte's PostHog source as shipped: records of the persons stream, pages of 100."""

import logging

from airbyte_cdk.models.airbyte_protocol_serializers import ConfiguredAirbyteCatalogSerializer
from airbyte_protocol_dataclasses.models import ConfiguredAirbyteCatalog, Type
from source_posthog import SourcePosthog

from .meter import Meter, Work, identity

__all__ = ["run"]


def _catalog() -> ConfiguredAirbyteCatalog:
    stream = {
        "stream": {
            "name": "persons",
            "json_schema": {"type": "object"},
            "supported_sync_modes": ["full_refresh"],
        },
        "sync_mode": "full_refresh",
        "destination_sync_mode": "overwrite",
    }
    return ConfiguredAirbyteCatalogSerializer.load({"streams": [stream]})


def run(work: Work) -> Meter:
    """Read every record of the stream; the messages are not written out."""
    count, meter, catalog = 0, Meter(work.check), _catalog()
    logging.disable(logging.CRITICAL)
    config = {
        "api_key": work.key,
        "base_url": work.url,
        "start_date": "2021-01-01T00:00:00Z",
    }
    source = SourcePosthog(catalog, config, [])
    for message in source.read(logging.getLogger("airbyte"), config, catalog, []):
        if message.type is not Type.RECORD or message.record is None:
            continue
        if not count:
            meter.first()
        count += 1
        if work.check:
            row = message.record.data
            meter.seen.append(identity(row["uuid"], row["properties"]["email"]))
    meter.stop(count)
    return meter
