"""The rows of `tests/op_table.py`, one file a family."""
