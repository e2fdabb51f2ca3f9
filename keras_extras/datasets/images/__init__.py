"""Images in batches, from arrays, folders or tables, and augmented."""
