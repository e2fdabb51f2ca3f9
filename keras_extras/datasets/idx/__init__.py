"""IDX files: read, write, stream, map into memory, iterate in batches."""
