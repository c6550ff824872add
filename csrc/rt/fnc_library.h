/* fnc_library.h: everything hand-written that an exported library has, for its one generated unit.
 * All of it is internal to that unit, so libraries of several models link into one program. */
#ifndef FNC_LIBRARY_H
#define FNC_LIBRARY_H

#define _GNU_SOURCE /* realpath, fsync, strdup, affinity: before any header of the system */
#define FNC_IO_API static __attribute__((unused))

#include "fnc_checkpoint.h"
#include "fnc_image.h"
#include "fnc_parts.h"

#include "../io/fnc_blake2b.c"
#include "../io/fnc_hdf5.c"
#include "../io/fnc_hdf5_digest.c"
#include "../io/fnc_hdf5_file.c"

#endif
