"""The public C API of an exported library: its functions, its header and its generated unit."""
