/* fnc_library.h: everything hand-written that an exported library has, for its one generated unit.
 * All of it is internal to that unit, so libraries of several models link into one program. */
#ifndef FNC_LIBRARY_H
#define FNC_LIBRARY_H

#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* realpath, fsync, strdup, affinity: before any header of the system */
#endif
#define FNC_IO_API FNC_LIB

#include "fnc_port.h"

#include "fnc_checkpoint.h"
#include "fnc_data.h"
#include "fnc_parts.h"

#if FNC_HAS_FILES
#include "../io/fnc_blake2b.c"
#include "../io/fnc_hdf5.c"
#include "../io/fnc_hdf5_digest.c"
#if FNC_POSIX
#include "../io/fnc_hdf5_file.c"
#endif
#endif

#endif
