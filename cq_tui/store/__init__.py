"""Storage in the data directory: documents, journals, the history, checkpoints, snapshots and spools."""
