"""Recurrent layers: cells, which compute one step, and layers that run them along time."""
