/* Brownian paths as objects: the standard normals of step i, made where they are needed. */
#ifndef TR_INTEGRATORS_BROWNIAN_H
#define TR_INTEGRATORS_BROWNIAN_H

#include "core/array.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_brownian tr_brownian;

/* Addressed noise (core/random.h): sample i of a batch is sample first_sample + i of the run, step k is step
 * k. */
tr_status tr_brownian_create_addressed(tr_ctx *ctx, uint64_t seed, uint64_t first_sample, tr_brownian **out);

/* Given normals: `read(step, z, user)` fills z for a step; n_steps are available, asking for more is
 * TR_E_ARG. */
typedef tr_status (*tr_normals_fn)(long step, tr_array *z, void *user);
tr_status tr_brownian_create_given(tr_ctx *ctx, long n_steps, tr_normals_fn read, void *user,
                                   tr_brownian **out);
/* The same with the normals of the Levy areas, which `read_levy` fills in the same way. */
tr_status tr_brownian_create_given_levy(tr_ctx *ctx, long n_steps, tr_normals_fn read,
                                        tr_normals_fn read_levy, void *user, tr_brownian **out);

/* The same path seen with steps `factor` times longer: normal = sum of `factor` fine ones / sqrt(factor), and
 * the Levy normal that goes with it. Grids must be uniform within each coarse step. The fine path is
 * borrowed. */
tr_status tr_brownian_create_coarse(tr_ctx *ctx, const tr_brownian *fine, int factor, tr_brownian **out);

void tr_brownian_destroy(tr_brownian **path);

/* z: standard normals of the increment of `step`; z2 (may be NULL): of its space-time Levy area H,
 * independent of z. */
tr_status tr_brownian_normals(const tr_brownian *path, long step, tr_array *z, tr_array *z2);

#ifdef __cplusplus
}
#endif

#endif
