"""Keras' own tests, run on fncompile: `make conformance`, or `python -m tests.conformance [NAME]`.

The installed `keras` wheel carries the test files of its sources. They are read from there, never
copied, and executed with stand-ins for `keras` and `keras.src` that are made of fncompile; nothing
of Keras that is under test is ever executed.

    __main__.py     one process a directory, then the table and the comparison with passing.json
    wheel.py        what the wheel holds: tests by directory, and the names that Keras exports
    missing.py      what stands where fncompile has no such name
    internals.py    what is no public name of Keras, and what fncompile has instead
    stand_ins.py    the modules `keras`, `keras.src` and all below, and who makes them
    plugin.py       the pytest plugin: collects the tests, writes one line a test
    outcomes.py     why a test failed: a name is missing, or the behaviour differs
    differences.py  the differences that are meant, by name and with their reasons
    counted_out.py  what is outside of the project: quantization, complex numbers and so on
    report.py       the table, and what is compared with passing.json
"""
