"""Looking back: runs over recorded bars, and the live stack decided again."""
