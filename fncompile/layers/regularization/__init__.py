"""Layers that act in training only, and penalties on activations."""
