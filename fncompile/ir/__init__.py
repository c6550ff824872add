"""The tensor IR: an immutable, typed, interned dataflow of a small closed set of ops."""
