"""The Plan: kernels over buffers, what `passes` decides about them and `codegen` prints."""
