"""The prefix of a library: what every C name and every file of an export begins with.

`<prefix>.h` and `lib<prefix>.so` stand in directories that compilers search before those of the
system, and `<prefix>_create` and others beside the C library's functions: a prefix is none of the
names of these.
"""

from __future__ import annotations

import hashlib

from fncompile.codegen.c_names import identifier

LONGEST = 100  # as file names, with what comes before and behind, end at 255 bytes

# Headers of C, POSIX, glibc, musl, Linux and the compilers, as far as they may be a prefix.
_HEADERS = """
    a_out acc_prof aio aliases alloca ar argp argz assert backtrace backtrace_supported byteswap
    cet complex cpio cpuid cross_stdarg crypt ctype cxxabi dirent dlfcn elf endian envz err
    errno error execinfo fcntl features features_time64 fenv float fmtmsg fnmatch fpu_control
    fstab fts ftw gconv gcov getopt glob gnu_versions grp gshadow iconv ieee754 ifaddrs
    immintrin inttypes iso646 langinfo lastlog libgen libintl limits link locale malloc math
    mcheck memory mm3dnow mm_malloc mntent monetary mqueue ndbm netdb nl_types nss obstack omp
    openacc paths poll printf proc_service pthread pty pwd quadmath quadmath_weak re_comp regex
    regexp resolv sched search semaphore setjmp sgtty shadow signal spawn stab stdalign stdarg
    stdatomic stdbit stdbool stdc_predef stdckdint stddef stdfix stdint stdint_gcc stdio
    stdio_ext stdlib stdnoreturn string strings stropts syscall sysexits syslimits syslog tar
    termio termios tgmath thread_db threads time ttyent uchar ucontext ulimit unistd unwind
    utime utmp utmpx values varargs wait wchar wctype wordexp x86intrin"""
# Libraries of these, and those that many programs link; those of one and two letters see below.
_LIBRARIES = """
    anl asan atomic bfd blas brokenlocale bz2 c_malloc_debug c_nonshared cblas crypto curl
    curses expat ffi fontconfig freetype gcc gcc_eh gcc_s gfortran glib gmp gnutls gomp hdf5
    history hwasan icudata icui18n icuuc itm jpeg lapack lsan lzma magic memusage mpfr mvec
    ncurses ncursesw nsl nss_compat nss_hesiod objc openblas opencl opengl panel pcprofile png
    protobuf pthread_nonshared python python3 quadmath readline sqlite3 ssl ssp ssp_nonshared
    stdc supc tbb tiff tinfo tsan ubsan unwind util uuid uv xcb xml2 xslt yaml zmq zstd"""
# Functions of the C library that end as ours do: timer_create, sem_init, mtx_destroy ...
_FUNCTIONS = """
    aio argz authdes authdes_pk authnone authunix clnt clntraw clnttcp clntudp clntunix cnd
    epoll fanotify inet6_opt inet6_option inet6_rth inotify memfd mtx posix_spawn_file_actions
    posix_spawnattr pthread_attr pthread_barrier pthread_barrierattr pthread_cond
    pthread_condattr pthread_key pthread_mutex pthread_mutexattr pthread_rwlock
    pthread_rwlockattr pthread_spin sem svc svcfd svcraw svctcp svcudp svcunix svcunixfd thrd
    timer timerfd tss xdrmem xdrrec xdrstdio"""
# Tables in the unit of the public functions, such as `step_predict` (export/api/unit.py).
_OWN = "items step symbols"
TAKEN = frozenset(" ".join((_HEADERS, _LIBRARIES, _FUNCTIONS, _OWN)).split())


def model_prefix(name: str) -> str:
    """The prefix of a model called `name`: that in lower case, with `_model` behind it where the
    system has the name, and cut, with a digest of the whole, where it is longer than files allow.

    `fnc` and names of one or two letters, which the system's libraries like, are taken too.
    """
    text = identifier(name, "model").rstrip("_")
    if text == "fnc" or text.startswith("fnc_"):
        text = f"model_{text}"
    if text in TAKEN or len(text) < 3:
        text = f"{text}_model"
    if len(text) > LONGEST:
        digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
        text = f"{text[: LONGEST - 9].rstrip('_')}_{digest}"
    return text
