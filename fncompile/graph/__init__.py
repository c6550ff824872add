"""The user's graph: symbolic tensors, calls of layers, the DAG they form, and tracing it."""
