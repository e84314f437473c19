"""Erase persons and be able to prove it: a durable ledger, checks, a receipt."""

from .checker import check
from .eraser import erase
from .report import ErasureReport

__all__ = ["ErasureReport", "check", "erase"]
