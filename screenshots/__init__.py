"""Pictures of the room, taken from the running program."""
