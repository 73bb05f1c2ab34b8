"""The terminal under the room: what comes from it, what goes to it, and how it ends."""
