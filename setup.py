"""The two things pyproject.toml cannot say: the cffi module, and where csrc goes in the package.

One abi3 build of the trampoline serves Python 3.10 and every later version.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["fncompile", "fncompile.*"]), "fncompile.csrc"],
    package_dir={"fncompile.csrc": "csrc"},
    cffi_modules=["csrc/py/trampoline_build.py:ffi"],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
