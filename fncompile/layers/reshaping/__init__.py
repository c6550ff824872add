"""Layers that bring the elements of a sample into another shape or order."""
