"""Books: from what happened to fills, lots, round trips and one report, for live history and for look back."""
