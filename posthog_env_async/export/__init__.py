"""Bulk export: listings into files that are whole or not there."""

from .exporter import export
from .manifest import DataFile, Manifest, VerifyReport, verify
from .many import ExportJob, ExportOutcome, ManyReport, export_many
from .partition_merge import merge
from .partition_run import run_partition
from .partitions import Partition, PartitionResult, plan
from .report import ExportReport, Progress

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
