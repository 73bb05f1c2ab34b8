"""One file that holds a data directory: made while everything runs, checked before it is put in place."""
