#include "integrators/sde/brownian_private.h"

#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "core/require_private.h"
#include "core/vec/vec.h"

tr_status tr_brownian_create(tr_ctx *ctx, tr_brownian model, tr_brownian **out) {
  tr_brownian_scratch *scratch = calloc(1, sizeof *scratch);
  *out = scratch ? malloc(sizeof **out) : NULL;
  if (!*out) {
    free(scratch);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for a Brownian path");
  }
  model.ctx = ctx;
  model.scratch = scratch;
  **out = model;
  return TR_OK;
}

tr_status tr_brownian_array(const tr_brownian *path, int i, const tr_array *z, tr_array **out) {
  tr_array **own = &path->scratch->array[i];
  if (*own && ((*own)->dtype != z->dtype || !tr_array_same_shape(*own, z))) tr_array_destroy(own);
  tr_status status = *own ? TR_OK : tr_array_like(z, own);
  *out = *own;
  return status;
}

static tr_status list_addressed(const tr_brownian *path, long step, tr_array *z, tr_array *z2,
                                tr_program *list) {
  if (step < 0 || step > (long)UINT32_MAX)
    return TR_FAIL(path->ctx, TR_E_ARG, "step %ld of a Brownian path: use 0 to 2^32 - 1", step);
  tr_random_address address = {
      .seed = path->seed, .purpose = TR_RANDOM_SDE, .step = (uint32_t)step, .sample = path->first_sample};
  TR_TRY(tr_program_randn(list, &address, z));
  address.purpose = TR_RANDOM_SDE2;
  return z2 ? tr_program_randn(list, &address, z2) : TR_OK;
}

static tr_status addressed(const tr_brownian *path, long step, tr_array *z, tr_array *z2) {
  tr_program list;
  tr_program_init(&list, -1);
  TR_TRY(list_addressed(path, step, z, z2, &list));
  return tr_program_run(&list);
}

bool tr_brownian_is_elementwise(const tr_brownian *path) {
  return path->normals == addressed;
}

tr_status tr_brownian_create_addressed(tr_ctx *ctx, uint64_t seed, uint64_t first_sample, tr_brownian **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, out);
  return tr_brownian_create(
      ctx, (tr_brownian){.normals = addressed, .seed = seed, .first_sample = first_sample}, out);
}

static tr_status given(const tr_brownian *path, long step, tr_array *z, tr_array *z2) {
  if (step < 0 || step >= path->n_steps)
    return TR_FAIL(path->ctx, TR_E_ARG,
                   "normals of step %ld are asked for, %ld steps are given (counted from 0)", step,
                   path->n_steps);
  if (z2 && !path->read_levy)
    return TR_FAIL(path->ctx, TR_E_UNSUPPORTED,
                   "given normals hold increments only, not the Levy area that this method needs");
  tr_status status = path->read(step, z, path->user);
  if (status == TR_OK && z2) status = path->read_levy(step, z2, path->user);
  if (status == TR_OK) return TR_OK;
  return TR_FAIL(path->ctx, status, "what gives the normals failed at step %ld (%s)", step,
                 tr_status_name(status));
}

static tr_status create_given(tr_ctx *ctx, tr_brownian model, tr_brownian **out) {
  if (model.n_steps < 1)
    return TR_FAIL(ctx, TR_E_ARG, "given normals need at least 1 step, not %ld", model.n_steps);
  model.normals = given;
  return tr_brownian_create(ctx, model, out);
}

tr_status tr_brownian_create_given(tr_ctx *ctx, long n_steps, tr_normals_fn read, void *user,
                                   tr_brownian **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, out);
  TR_REQUIRE_FUNCTION(ctx, read);
  return create_given(ctx, (tr_brownian){.n_steps = n_steps, .read = read, .user = user}, out);
}

tr_status tr_brownian_create_given_levy(tr_ctx *ctx, long n_steps, tr_normals_fn read,
                                        tr_normals_fn read_levy, void *user, tr_brownian **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, out);
  TR_REQUIRE_FUNCTION(ctx, read);
  TR_REQUIRE_FUNCTION(ctx, read_levy);
  return create_given(
      ctx, (tr_brownian){.n_steps = n_steps, .read = read, .read_levy = read_levy, .user = user}, out);
}

/* m fine steps j = 0 .. m-1 with normals z_j, H_j:
 *   z = sum z_j / sqrt(m)
 *   H = sum [(m - 1 - 2 j) sqrt(3) z_j + H_j] / m^(3/2)
 * from H_[s,t] = mean over [s,t] of W_u - W_s minus half the increment, of variance (t - s) / 12. */
static tr_status add_fine_step(const tr_brownian *path, int j, long step, tr_array *z, tr_array *z2,
                               tr_array *fine, tr_array *fine2) {
  double m = path->factor, scale = 1 / (m * sqrt(m));
  TR_TRY(tr_brownian_normals(path->fine, step * path->factor + j, fine, z2 ? fine2 : NULL));
  if (j == 0) TR_TRY(tr_fill(0, z));
  if (j == 0 && z2) TR_TRY(tr_fill(0, z2));
  TR_TRY(tr_axpby(1, z, 1 / sqrt(m), fine, z));
  if (!z2) return TR_OK;
  return tr_lincomb(3, (const double[]){1, (m - 1 - 2 * j) * sqrt(3) * scale, scale},
                    (const tr_array *const[]){z2, fine, fine2}, z2);
}

static tr_status coarse(const tr_brownian *path, long step, tr_array *z, tr_array *z2) {
  tr_array *fine, *fine2 = NULL;
  TR_TRY(tr_brownian_array(path, 0, z, &fine));
  if (z2) TR_TRY(tr_brownian_array(path, 1, z, &fine2));
  for (int j = 0; j < path->factor; j++) TR_TRY(add_fine_step(path, j, step, z, z2, fine, fine2));
  return TR_OK;
}

tr_status tr_brownian_create_coarse(tr_ctx *ctx, const tr_brownian *fine, int factor, tr_brownian **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, fine, out);
  if (factor < 1)
    return TR_FAIL(ctx, TR_E_ARG, "a path %d times as coarse: use a factor of 1 or more", factor);
  return tr_brownian_create(ctx, (tr_brownian){.normals = coarse, .fine = fine, .factor = factor}, out);
}

void tr_brownian_destroy(tr_brownian **path) {
  if (!path || !*path) return;
  for (int i = 0; i < 2; i++) tr_array_destroy(&(*path)->scratch->array[i]);
  free((*path)->scratch);
  free(*path);
  *path = NULL;
}

tr_status tr_brownian_normals(const tr_brownian *path, long step, tr_array *z, tr_array *z2) {
  TR_REQUIRE(TR_CTX_FROM(path, z, z2), path, z);
  TR_TRY(tr_array_check(z));
  if (!path->normals)
    return TR_FAIL(path->ctx, TR_E_UNSUPPORTED, "this Brownian path knows times, not the number of step %ld",
                   step);
  return path->normals(path, step, z, z2);
}

tr_status tr_brownian_list_normals(const tr_brownian *path, long step, tr_array *z, tr_array *z2,
                                   tr_program *list) {
  TR_REQUIRE(TR_CTX_FROM(path, z, z2), path, z, list);
  TR_TRY(tr_array_check(z));
  if (tr_brownian_is_elementwise(path)) return list_addressed(path, step, z, z2, list);
  if (tr_program_holds(list, z->data) || (z2 && tr_program_holds(list, z2->data)))
    TR_TRY(tr_program_run(list));
  return tr_brownian_normals(path, step, z, z2);
}

bool tr_brownian_knows_times(const tr_brownian *path) {
  return path && path->over;
}

tr_status tr_brownian_over(const tr_brownian *path, double from, double to, tr_array *z, tr_array *z2) {
  TR_REQUIRE(TR_CTX_FROM(path, z, z2), path, z);
  TR_TRY(tr_array_check(z));
  if (!path->over)
    return TR_FAIL(path->ctx, TR_E_UNSUPPORTED,
                   "this Brownian path knows the numbers of steps, not times: a tree is needed");
  return path->over(path, from, to, z, z2);
}
