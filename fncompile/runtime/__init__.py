"""From C text to running code: toolchain, cache, native calls; the only room that knows cffi."""
