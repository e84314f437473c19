"""Bulk export: listings into files that are complete or not there."""

from posthog_env_async.export.partitions.merge import merge
from posthog_env_async.export.partitions.plan import Partition, PartitionResult, plan
from posthog_env_async.export.partitions.run import run_partition
from posthog_env_async.export.run import ExportReport, Progress
from posthog_env_async.export.state.publish import DataFile, Manifest

from .exporter import export
from .many import ExportJob, ExportOutcome, ManyReport, export_many
from .verify import VerifyReport, verify

__all__ = [
    "DataFile",
    "ExportJob",
    "ExportOutcome",
    "ExportReport",
    "Manifest",
    "ManyReport",
    "Partition",
    "PartitionResult",
    "Progress",
    "VerifyReport",
    "export",
    "export_many",
    "merge",
    "plan",
    "run_partition",
    "verify",
]
