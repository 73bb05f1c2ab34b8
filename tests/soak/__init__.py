"""The soak: a room over SSH and tmux on a real stack, random hands and kills, and an observer that knows none of it."""
