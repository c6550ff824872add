"""Describe the extension `fncompile.runtime._trampoline` to cffi; setup.py builds it.

The extension is optional: where it cannot be built (no C compiler or no Python headers), the
package still installs and `fncompile.runtime.binding` calls compiled models through libffi.
"""

from pathlib import Path

from cffi import FFI

CDEF = Path("csrc/py/trampoline.cdef").read_text()
FUNCTIONS = """
    void *fnc_open(const char *path);
    void *fnc_symbol(void *lib, const char *name);
    const char *fnc_dlerror(void);
    int32_t fnc_call(void *fn, void *env);
    int64_t fnc_call_bytes(void *fn, const fnc_env *env);
    int32_t fnc_call_one(void *fn, const fnc_env *env, int64_t batch, const void *in, void *out);
"""

ffi = FFI()
ffi.cdef(CDEF + FUNCTIONS)
ffi.set_source(
    "fncompile.runtime._trampoline",
    '#include "trampoline.h"',
    sources=["csrc/py/trampoline.c"],
    include_dirs=["csrc/include", "csrc/py"],
    depends=["csrc/include/fnc_abi.h", "csrc/py/trampoline.h", "csrc/py/trampoline.cdef"],
    extra_compile_args=["-O2"],
    optional=True,
)

if __name__ == "__main__":
    ffi.compile(verbose=True)
