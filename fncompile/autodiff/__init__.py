"""Reverse-mode differentiation of Programs: one rule per op and one reverse walk."""

from fncompile.autodiff.reverse import gradients

__all__ = ["gradients"]
