"""Rows of the table of layers (`tests/layers/test_layers.py`), by family."""
