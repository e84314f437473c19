"""Where an export stands, on disk and in memory."""
