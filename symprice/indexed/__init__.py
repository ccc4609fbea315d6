"""Index notation, the common ground of derivatives and code: entries, sums, families."""
