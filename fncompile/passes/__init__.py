"""Passes over Programs, and fusion into a Plan. `pipeline.py` is the table of contents."""
