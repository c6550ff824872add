"""Plans as C: a small syntax tree, one printer, and an emitter per kind of kernel."""
