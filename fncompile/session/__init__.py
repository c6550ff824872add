"""What a compiled model keeps between calls: programs, entries, and where variables live."""
