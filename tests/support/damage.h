/* Damaged copies of a file's bytes, handed to a reader. Every copy lies in a heap block of exactly its size,
 * so that AddressSanitizer sees a read outside it. A reader may refuse a copy or not, but whatever it refuses
 * it must say why in one line, and it must not crash. */
#ifndef TR_TESTS_DAMAGE_H
#define TR_TESTS_DAMAGE_H

#include "core/context.h"

#include <stddef.h>

typedef tr_status (*damage_reader)(const unsigned char *bytes, size_t size, void *user);

/* Every prefix, the empty one included: each must be refused with `want`. */
void damage_truncate(tr_ctx *ctx, const unsigned char *bytes, size_t size, damage_reader read, void *user,
                     tr_status want);
/* Every byte inverted, its lowest bit flipped, and set to 0, one at a time. Returns how many copies were read
 * without complaint. */
size_t damage_flip(tr_ctx *ctx, const unsigned char *bytes, size_t size, damage_reader read, void *user);
/* `rounds` copies with one to eight random changes each (bytes, small and huge integers, moved and cut
 * pieces), the same every time. Returns how many copies were read without complaint. */
size_t damage_mutate(tr_ctx *ctx, const unsigned char *bytes, size_t size, int rounds, damage_reader read,
                     void *user);

#endif
