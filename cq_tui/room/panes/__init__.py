"""The panes of the room: each shows one subject of the read model."""
