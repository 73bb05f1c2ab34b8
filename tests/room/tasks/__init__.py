"""The daily tasks in the room, each in at most four keys besides typed text and moving between rows."""
