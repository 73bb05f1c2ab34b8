"""The door for signals from outside: files become signals of the history, each id once."""
