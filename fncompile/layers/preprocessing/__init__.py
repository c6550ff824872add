"""Layers that prepare data, images above all."""
