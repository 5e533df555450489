#include "experiments/output/sample_result.h"

#include <stdlib.h>
#include <string.h>

#include "core/io/image/png.h"
#include "experiments/input/drawn_with.h"
#include "experiments/output/machine.h"
#include "experiments/output/npz_put.h"

static int64_t row_count(const sample_result *r) {
  int64_t count = 1;
  for (int i = 1; i < r->ndim; i++) count *= r->shape[i];
  return count;
}

static size_t picture_bytes(const sample_result *r, int64_t n) {
  return (size_t)(n * r->height * r->width) * 3;
}

static tr_status allocate_pictures(tr_ctx *ctx, sample_result *r) {
  if (r->height == 0) return TR_OK;
  r->pixels = malloc(picture_bytes(r, r->shape[0]));
  return r->pixels ? TR_OK
                   : machine_lacks_memory(ctx, (double)picture_bytes(r, r->shape[0]), r->shape[0], "pictures",
                                          "num-samples");
}

tr_status sample_result_allocate(tr_ctx *ctx, sample_result *r) {
  size_t bytes = (size_t)(r->shape[0] * row_count(r)) * tr_dtype_size(r->dtype);
  r->latents = malloc(bytes);
  r->trajectory = r->n_times ? malloc(bytes * (size_t)r->n_times) : NULL;
  r->n_reached = r->n_times;
  if (r->with_logp) {
    r->logp = malloc(2 * (size_t)r->shape[0] * sizeof *r->logp);
    if (!r->logp)
      return machine_lacks_memory(ctx, 2 * (double)r->shape[0] * sizeof *r->logp, r->shape[0], "densities",
                                  "num-samples");
    r->logp_se = r->logp + r->shape[0];
  }
  if (!r->latents || (r->n_times && !r->trajectory))
    return machine_lacks_memory(ctx, (double)bytes * (r->n_times + 1), r->shape[0],
                                r->n_times ? "samples and their trajectories" : "samples",
                                r->n_times ? "num-samples, or save fewer times" : "num-samples");
  return allocate_pictures(ctx, r);
}

void sample_result_free(sample_result *r) {
  free(r->latents);
  free(r->pixels);
  free(r->labels);
  free(r->drawn_with);
  free(r->logp);
  free(r->times);
  free(r->trajectory);
  *r = (sample_result){0};
}

static void *rows_at(const sample_result *r, void *base, int64_t row) {
  return (char *)base + (size_t)(row * row_count(r)) * tr_dtype_size(r->dtype);
}

tr_status sample_result_put(sample_result *r, int64_t first, const tr_array *batch) {
  return tr_array_download(batch, rows_at(r, r->latents, first));
}

tr_status sample_result_put_time(sample_result *r, int index, int64_t first, const tr_array *batch) {
  return tr_array_download(batch, rows_at(r, r->trajectory, index * r->shape[0] + first));
}

uint8_t *sample_result_picture(const sample_result *r, int64_t number) {
  return r->pixels ? r->pixels + picture_bytes(r, number) : NULL;
}

tr_status sample_result_share(sample_result *r, tr_comm *comm, int rank, int64_t first, int64_t n) {
  const size_t bytes = (size_t)(n * row_count(r)) * tr_dtype_size(r->dtype),
               numbers = (size_t)n * sizeof *r->logp;
  if (n == 0) return TR_OK;
  TR_TRY(tr_comm_broadcast_bytes(comm, rank, rows_at(r, r->latents, first), bytes));
  for (int k = 0; k < r->n_times; k++)
    TR_TRY(tr_comm_broadcast_bytes(comm, rank, rows_at(r, r->trajectory, k * r->shape[0] + first), bytes));
  if (r->pixels)
    TR_TRY(tr_comm_broadcast_bytes(comm, rank, sample_result_picture(r, first), picture_bytes(r, n)));
  if (!r->logp) return TR_OK;
  TR_TRY(tr_comm_broadcast_bytes(comm, rank, r->logp + first, numbers));
  return tr_comm_broadcast_bytes(comm, rank, r->logp_se + first, numbers);
}

static tr_status add_arrays(tr_ctx *ctx, const sample_result *r, tr_npz_out *npz) {
  const int64_t *s = r->shape;
  TR_TRY(npz_put(ctx, npz, "latents", r->dtype, r->ndim, s, r->latents));
  if (r->labels) TR_TRY(npz_put(ctx, npz, "labels", TR_I32, 1, s, r->labels));
  const int64_t length = (int64_t)strlen(r->drawn_with);
  TR_TRY(npz_put(ctx, npz, DRAWN_WITH, TR_U8, 1, &length, r->drawn_with));
  if (r->logp) {
    TR_TRY(npz_put(ctx, npz, "logp", TR_F64, 1, s, r->logp));
    TR_TRY(npz_put(ctx, npz, "logp_se", TR_F64, 1, s, r->logp_se));
  }
  if (r->n_times) {
    const int64_t n = r->n_reached;
    int64_t shape[TR_MAX_DIMS + 1] = {n};
    memcpy(shape + 1, s, (size_t)r->ndim * sizeof *s);
    TR_TRY(npz_put(ctx, npz, "trajectory", r->dtype, r->ndim + 1, shape, r->trajectory));
    TR_TRY(npz_put(ctx, npz, "times", TR_F64, 1, &n, r->times));
  }
  return r->pixels
             ? npz_put(ctx, npz, "arr_0", TR_U8, 4, (int64_t[]){s[0], r->height, r->width, 3}, r->pixels)
             : TR_OK;
}

tr_status sample_result_write_npz(tr_ctx *ctx, const sample_result *r, const char *path) {
  tr_npz_out *npz;
  TR_TRY(tr_npz_create(ctx, path, &npz));
  tr_status status = add_arrays(ctx, r, npz);
  if (status == TR_OK) return tr_npz_commit(&npz);
  tr_npz_discard(&npz);
  return status;
}

tr_status sample_result_write_png(tr_ctx *ctx, const sample_result *r, const char *path) {
  const int64_t most = SAMPLE_RESULT_PICTURES, n = r->shape[0] < most ? r->shape[0] : most;
  return tr_png_grid(ctx, path, NULL, n, r->height, r->width, 3, r->pixels);
}

tr_status sample_result_save(tr_ctx *ctx, const sample_result *r, out_dir *dir) {
  const char *path;
  TR_TRY(out_dir_stage(ctx, dir, "samples.npz", &path));
  TR_TRY(sample_result_write_npz(ctx, r, path));
  if (!r->pixels) return out_dir_stale(ctx, dir, "samples.png");
  TR_TRY(out_dir_stage(ctx, dir, "samples.png", &path));
  return sample_result_write_png(ctx, r, path);
}
