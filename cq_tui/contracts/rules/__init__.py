"""The rules of the data contract, beyond the shape of each file: pure, from documents to findings."""
