/* Brownian paths as objects: the standard normals of a step, made where they are needed. A step is known by
 * its number, or, by trees, by the times between which it lies. Every path is destroyed by its caller. It
 * keeps arrays to work with: one path serves one solve at a time. */
#ifndef TR_INTEGRATORS_SDE_BROWNIAN_H
#define TR_INTEGRATORS_SDE_BROWNIAN_H

#include "core/array.h"
#include "core/vec/program.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_brownian tr_brownian;

/* Addressed noise (core/random.h): sample i of a batch is sample first_sample + i of the run, step k is step
 * k, 0 <= k < 2^32. */
TR_API tr_status tr_brownian_create_addressed(tr_ctx *ctx, uint64_t seed, uint64_t first_sample,
                                              tr_brownian **out);

/* Given normals: `read(step, z, user)` fills z for a step; n_steps >= 1 are available, asking for more is
 * TR_E_ARG, and asking for a Levy area TR_E_UNSUPPORTED. A failure of `read` ends the step with its status.
 * `user` is borrowed. */
typedef tr_status (*tr_normals_fn)(long step, tr_array *z, void *user);
TR_API tr_status tr_brownian_create_given(tr_ctx *ctx, long n_steps, tr_normals_fn read, void *user,
                                          tr_brownian **out);
/* The same with the normals of the Levy areas, which `read_levy` fills in the same way. */
TR_API tr_status tr_brownian_create_given_levy(tr_ctx *ctx, long n_steps, tr_normals_fn read,
                                               tr_normals_fn read_levy, void *user, tr_brownian **out);

/* The same path seen with steps `factor` times longer: normal = sum of `factor` fine ones / sqrt(factor), and
 * the Levy normal that goes with it. Grids must be uniform within each coarse step. factor >= 1. The fine
 * path is borrowed; it knows steps by number. */
TR_API tr_status tr_brownian_create_coarse(tr_ctx *ctx, const tr_brownian *fine, int factor,
                                           tr_brownian **out);

/* A virtual Brownian tree on [t0, t1]: one path whose increments and Levy areas over any interval within can
 * be asked for, in any order and again, and agree with each other; nothing is stored. Node k of the tree
 * splits its interval, of length l, in the middle by the Brownian bridge of the pair (W, H) (J. Foster,
 * "Numerical approximations for stochastic differential equations", thesis, Oxford 2020; trees: X. Li et al.,
 * arXiv 2001.01328) with two independent normals, addressed by (seed, sample, k, element):
 *   Z ~ N(0, l / 16),  N ~ N(0, l / 48),
 *   W_left, W_right = W / 2 +- (3 H / 2 + Z),
 *   H_left, H_right = H / 4 - Z / 2 +- N.
 * After TR_TREE_DEPTH halvings the path is the parabola that its (W, H) determine.
 *
 * The answer for an interval is a linear combination of the normals of the nodes that it cuts, with
 * coefficients computed on the host in double. It is one operation of two normals an element and
 * node, at most 2 TR_TREE_DEPTH + 1 nodes, and fewer the shorter the binary fractions of its ends within [t0,
 * t1] are. Samples are addressed as in tr_brownian_create_addressed (the path is another one). t0 < t1, both
 * finite.
 */
#define TR_TREE_DEPTH 24
TR_API tr_status tr_brownian_create_tree(tr_ctx *ctx, uint64_t seed, uint64_t first_sample, double t0,
                                         double t1, tr_brownian **out);

TR_API void tr_brownian_destroy(tr_brownian **path); /* frees and sets *path to NULL; NULL is fine */

/* z (N, ...): standard normals of the increment of `step`; z2 (may be NULL), of the same shape and type: of
 * its space-time Levy area H, independent of z. Both are assigned. */
TR_API tr_status tr_brownian_normals(const tr_brownian *path, long step, tr_array *z, tr_array *z2);

/* The same as part of a list of operations, if the path is an addressed one; others make them at once, after
 * the list where it holds z or z2. */
TR_API tr_status tr_brownian_list_normals(const tr_brownian *path, long step, tr_array *z, tr_array *z2,
                                          tr_program *list);

/* Whether the path is a tree, which tr_brownian_over answers, and not a sequence of steps for
 * tr_brownian_normals; the wrong call is TR_E_UNSUPPORTED. */
TR_API bool tr_brownian_knows_times(const tr_brownian *path);
/* z, z2 as above for the interval [from, to] within the tree's, from < to (TR_E_ARG otherwise). Times are
 * rounded to 2^-40 of the tree's interval. */
TR_API tr_status tr_brownian_over(const tr_brownian *path, double from, double to, tr_array *z, tr_array *z2);

#ifdef __cplusplus
}
#endif

#endif
