/* What a Brownian path is made of; for the files integrators/sde/brownian*.c, and for the driver. */
#ifndef TR_INTEGRATORS_SDE_BROWNIAN_PRIVATE_H
#define TR_INTEGRATORS_SDE_BROWNIAN_PRIVATE_H

#include "integrators/sde/brownian.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Arrays that a path works with: made when they are first needed, and kept. */
typedef struct {
  tr_array *array[2];
} tr_brownian_scratch;

struct tr_brownian {
  tr_ctx *ctx;
  /* one of the two */
  tr_status (*normals)(const tr_brownian *, long step, tr_array *z, tr_array *z2);
  tr_status (*over)(const tr_brownian *, double from, double to, tr_array *z, tr_array *z2);
  uint64_t seed, first_sample; /* addressed, tree */
  long n_steps;                /* given */
  tr_normals_fn read, read_levy;
  void *user;
  const tr_brownian *fine; /* coarse */
  int factor;
  double t0, t1; /* tree */
  tr_brownian_scratch *scratch;
};

/* *out = a path like `model` of this context. */
tr_status tr_brownian_create(tr_ctx *ctx, tr_brownian model, tr_brownian **out);
/* *out = the path's own array number i, 0 or 1, of the shape and type of z. */
tr_status tr_brownian_array(const tr_brownian *path, int i, const tr_array *z, tr_array **out);

/* Whether the normals of a step are made element by element, so that a list of operations makes them. */
bool tr_brownian_is_elementwise(const tr_brownian *path);

#ifdef __cplusplus
}
#endif

#endif
