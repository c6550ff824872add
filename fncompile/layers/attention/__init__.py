"""Layers that weigh the positions of one sequence by their likeness to those of another."""
