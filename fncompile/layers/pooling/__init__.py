"""Layers that sum up neighbourhoods or whole samples by a maximum or a mean."""
