"""Loop nests: what a kernel of pointwise, reducing and scattering stages is between Plan and C."""
