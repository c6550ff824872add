/* fnc_hdf5.h: find the arrays of a model file in place, without an HDF5 library.
 *
 * Reads the subset of HDF5 that fncompile writes (fncompile/saving/hdf5_format.py says what it
 * is), from memory; only fnc_h5_read, which reads a whole file, allocates. The file is not
 * trusted: every offset and size is checked before it is used, each object header against its
 * checksum, and no path through a file takes more work than its size. Any number of threads may
 * read one file at once.
 *
 * Functions return FNC_OK or a negative status, and write their results only with FNC_OK.
 */
#ifndef FNC_HDF5_H
#define FNC_HDF5_H

#include <stdint.h>

#include "fnc_abi.h"

/* One unit may include the sources of csrc/io and keep their functions to itself. */
#ifndef FNC_IO_API
#define FNC_IO_API
#endif

/* Further statuses. Damage is FNC_ERR_FORMAT. */
enum {
    FNC_H5_FOREIGN = -32,  /* HDF5, perhaps sound, but not of the subset */
    FNC_H5_NOT_FOUND = -33 /* no dataset or attribute of that name */
};

enum { FNC_H5_MAX_RANK = 32 };

/* Types of elements; all little-endian. */
typedef enum fnc_h5_type {
    FNC_H5_STRING, /* item_bytes bytes of UTF-8, padded with zeros */
    FNC_H5_BOOL,
    FNC_H5_I8,
    FNC_H5_I16,
    FNC_H5_I32,
    FNC_H5_I64,
    FNC_H5_U8,
    FNC_H5_U16,
    FNC_H5_U32,
    FNC_H5_U64,
    FNC_H5_F16,
    FNC_H5_F32,
    FNC_H5_F64
} fnc_h5_type;

typedef struct fnc_h5 {
    const unsigned char *bytes;
    uint64_t size;
    uint64_t root;       /* address of the root group */
    uint64_t data_start; /* no dataset may start before; 0 until the digest is verified */
} fnc_h5;

typedef struct fnc_h5_array {
    const void *data; /* in the file; datasets are 64-byte aligned there, attributes are not */
    uint64_t bytes;
    uint32_t item_bytes;
    fnc_h5_type type;
    int32_t rank;
    uint64_t dims[FNC_H5_MAX_RANK];
} fnc_h5_array;

/* Open the file of `size` bytes at `bytes`, which must outlive `file` and what is found in it. */
FNC_IO_API int32_t fnc_h5_open(fnc_h5 *file, const void *bytes, uint64_t size);

/* Find the dataset at a path such as "layers/dense/vars/0". */
FNC_IO_API int32_t fnc_h5_dataset(const fnc_h5 *file, const char *path, fnc_h5_array *array);

/* Find an attribute of the group or dataset at `path` ("" is the root group). */
FNC_IO_API int32_t fnc_h5_attribute(
    const fnc_h5 *file, const char *path, const char *name, fnc_h5_array *array);

/* Compare the data with the digest stored in the file: FNC_ERR_FORMAT where they differ,
 * FNC_H5_NOT_FOUND where the file has none. Reads all of the data; from then on, datasets that
 * the digest does not cover are refused. */
FNC_IO_API int32_t fnc_h5_verify(fnc_h5 *file);

/* Write the digest of the data into the headers of a file to be written. `head` holds the
 * `head_bytes` bytes up to the first dataset, as hdf5_writer.plan made them; `digest` is the
 * BLAKE2b hash of all bytes that follow. */
FNC_IO_API int32_t fnc_h5_sign(
    unsigned char *head, uint64_t head_bytes, const unsigned char digest[32]);

/* Read the regular file at `path`, of at most `most` bytes, into memory from malloc and open it.
 * Others may change or truncate the file meanwhile: what is checked is what is used. FNC_ERR_FORMAT
 * for larger files, FNC_ERR_IO for pipes and devices; with any status but FNC_OK nothing stays. */
FNC_IO_API int32_t fnc_h5_read(fnc_h5 *file, const char *path, uint64_t most);
FNC_IO_API void fnc_h5_free(fnc_h5 *file);

#endif
