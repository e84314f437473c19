"""Rows into NDJSON, CSV and Parquet."""
