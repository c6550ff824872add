"""Layers that look at neighbourhoods, with weights of their own."""
