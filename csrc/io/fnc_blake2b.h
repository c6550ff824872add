/* fnc_blake2b.h: the BLAKE2b hash of RFC 7693 with a 32-byte digest and no key.
 *
 * Model files carry it as the digest of their weights. No allocation, no state but the context.
 */
#ifndef FNC_BLAKE2B_H
#define FNC_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

#define FNC_BLAKE2B_BYTES 32

typedef struct fnc_blake2b {
    uint64_t state[8];
    uint64_t count;           /* bytes hashed so far; 2^64 are never reached */
    unsigned char block[128]; /* bytes not hashed yet; the last block waits for `final` */
    size_t used;
} fnc_blake2b;

/* One unit may include the sources of csrc/io and keep their functions to itself. */
#ifndef FNC_IO_API
#define FNC_IO_API
#endif

FNC_IO_API void fnc_blake2b_init(fnc_blake2b *hash);
FNC_IO_API void fnc_blake2b_update(fnc_blake2b *hash, const void *data, uint64_t size);
FNC_IO_API void fnc_blake2b_final(fnc_blake2b *hash, unsigned char digest[FNC_BLAKE2B_BYTES]);

#endif
