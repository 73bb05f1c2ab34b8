"""The screens of the room: the room itself, and what opens over it."""
