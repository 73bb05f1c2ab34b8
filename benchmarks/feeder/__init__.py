"""The feeder with hundreds of symbols."""
