"""What pyproject.toml cannot say: the cffi module, where csrc goes in the package, and the object
that compiled models share, for the compiler and the processor of this machine.

One abi3 build of the trampoline serves Python 3.10 and every later version.
"""

import sys
import warnings
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_ext import build_ext


class Build(build_ext):
    """The extension, and beside it the object, which first calls would compile otherwise."""

    def run(self):
        super().run()
        beside = Path(self.get_ext_fullpath("fncompile.runtime._trampoline")).parent
        sys.path.insert(0, str(Path(__file__).parent))
        try:
            from fncompile.runtime import cache

            cache.install_shared(beside / cache.INSTALLED.name)
        except Exception as error:  # models compile it themselves then
            warnings.warn(f"no object that models share: {error}", stacklevel=1)


setup(
    packages=[*find_packages(include=["fncompile", "fncompile.*"]), "fncompile.csrc"],
    package_dir={"fncompile.csrc": "csrc"},
    cffi_modules=["csrc/py/trampoline_build.py:ffi"],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
    cmdclass={"build_ext": Build},
)
