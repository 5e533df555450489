/* Random numbers are addressed, not drawn: the value at (seed, purpose, sample, step, element) is a pure
 * function of these five, computed by Philox-4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers:
 * as easy as 1, 2, 3", SC11). The same seed gives the same sample whatever the batch size, thread count or
 * device. */
#ifndef TR_CORE_RANDOM_H
#define TR_CORE_RANDOM_H

#include <stdint.h>

#include "core/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {                     /* which use a number is for; part of the address, never renumber */
               TR_RANDOM_INIT = 0, /* the starting state x0 */
               TR_RANDOM_SDE = 1,  /* Brownian increments, step by step */
               TR_RANDOM_SDE2 = 2, /* the second normal of a step (space-time Levy area) */
               TR_RANDOM_TEST = 3,
               TR_RANDOM_PROBE = 4, /* Hutchinson probes */
               TR_RANDOM_LABEL = 5,
               TR_RANDOM_WEIGHTS = 6,
               TR_RANDOM_TREE = 7,    /* Brownian trees: the step is the number of the node */
               TR_RANDOM_TREE2 = 8,   /* their second normal */
               TR_RANDOM_DEQUANT = 9, /* dequantisation; the step is the number of the draw */
               /* Training: the step is that of the optimiser, the sample the row in the global batch. */
               TR_RANDOM_ORDER = 10, /* of a data set: the step is the epoch, the sample the place */
               TR_RANDOM_FLIP = 11,
               TR_RANDOM_TIME = 12,
               TR_RANDOM_NOISE = 13,
               TR_RANDOM_DROPOUT = 14,
               TR_RANDOM_SUBSTITUTE = 15, /* of an input that cannot be used */
               /* Statistics: the step is the replicate or the subset. */
               TR_RANDOM_BOOTSTRAP = 16,
               TR_RANDOM_SUBSET = 17,
               /* Of the latents of pictures: the sample is that of the picture, the step 1 of its mirror
                * image. */
               TR_RANDOM_LATENTS = 18
} tr_random_purpose;

typedef struct {
  uint64_t seed;
  uint32_t purpose; /* tr_random_purpose, < 65536 */
  uint32_t step;
  uint64_t sample; /* < 2^48: of the first row */
} tr_random_address;

/* One block of Philox-4x32-10: ten rounds on `counter` with `key`. Agrees with Random123's known answers. */
TR_API void tr_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The standard normals of elements 2 * pair and 2 * pair + 1 of one sample (Box-Muller on two 53-bit uniforms
 * in (0, 1]); counter = (pair, step, sample low 32, sample high 16 << 16 | purpose), key = seed. */
TR_API void tr_random_normal_pair(const tr_random_address *address, uint64_t sample, uint32_t pair,
                                  double out[2]);

/* A uniform in [0, 1) at element `element`. */
TR_API double tr_random_uniform(const tr_random_address *address, uint64_t sample, uint32_t element);

/* n Rademacher signs, +1 or -1, of elements 0 .. n - 1 of one sample: bit i of the words of blocks
 * 0, 1, ... (128 bits each, word 0 and its lowest bit first). */
TR_API void tr_random_signs(const tr_random_address *address, uint64_t sample, int64_t n, double *out);

#ifdef __cplusplus
}
#endif

#endif
