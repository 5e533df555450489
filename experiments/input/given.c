#include "experiments/input/given.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"

static double element(const tr_npy *npy, int64_t i) {
  double value;
  tr_dtype_to_f64(npy->dtype, 1, (const char *)npy->data + (size_t)i * tr_dtype_size(npy->dtype), &value);
  return value;
}

static void wanted_shape(int ndim, const int64_t *shape, char *text, size_t size) {
  snprintf(text, size, "(");
  for (int i = 0; i < ndim; i++) {
    size_t used = strlen(text);
    if (shape[i] < 0)
      snprintf(text + used, size - used, "%s", i ? ", any" : "any");
    else
      snprintf(text + used, size - used, "%s%lld", i ? ", " : "", (long long)shape[i]);
  }
  snprintf(text + strlen(text), size - strlen(text), ")");
}

static tr_status check(tr_ctx *ctx, const given *g, const char *path, int ndim, const int64_t *shape) {
  char found[128], wanted[128];
  tr_npy_describe(&g->npy, found, sizeof found);
  if (g->npy.dtype != TR_F16 && g->npy.dtype != TR_F32 && g->npy.dtype != TR_F64)
    return TR_FAIL(ctx, TR_E_SHAPE, "%s '%s' holds %s: float16, float32 or float64 is needed", g->option,
                   path, found);
  bool fits = g->npy.ndim == ndim && g->npy.count > 0;
  for (int i = 0; fits && i < ndim; i++) fits = shape[i] < 0 || shape[i] == g->npy.shape[i];
  if (!fits) {
    wanted_shape(ndim, shape, wanted, sizeof wanted);
    return TR_FAIL(ctx, TR_E_SHAPE, "%s '%s' holds %s: the shape must be %s", g->option, path, found, wanted);
  }
  for (int64_t i = 0; i < g->npy.count; i++)
    if (!isfinite(element(&g->npy, i)))
      return TR_FAIL(ctx, TR_E_NONFINITE, "%s '%s' has %g at element %lld: every number must be finite",
                     g->option, path, element(&g->npy, i), (long long)i);
  return TR_OK;
}

static bool is_archive(const char *path) {
  size_t length = strlen(path);
  return length > 4 && strcmp(path + length - 4, ".npz") == 0;
}

tr_status given_open(tr_ctx *ctx, const char *option, const char *path, int ndim, const int64_t *shape,
                     given *out) {
  *out = (given){.option = option, .path = path};
  if (is_archive(path)) {
    TR_TRY(tr_npz_open(ctx, path, &out->archive));
    TR_TRY(tr_npz_get(out->archive, "latents", &out->npy));
  } else {
    TR_TRY(tr_npy_open(ctx, path, &out->npy));
  }
  return check(ctx, out, path, ndim, shape);
}

void given_close(given *g) {
  tr_npy_close(&g->npy);
  tr_npz_close(&g->archive);
}

static tr_status read_times(tr_ctx *ctx, const tr_npy *npy, double *t) {
  tr_npy_get_f64(npy, t);
  for (int64_t i = 0; i < npy->count; i++)
    if (!(t[i] >= 0 && t[i] <= 1))
      return TR_FAIL(ctx, TR_E_ARG, "--times has %g at row %lld: use times from 0 to 1", t[i], (long long)i);
  return TR_OK;
}

tr_status given_times(tr_ctx *ctx, const char *path, int64_t n, double **out) {
  given times;
  *out = NULL;
  if (access(path, F_OK) != 0)
    return TR_FAIL(ctx, TR_E_IO, "--times '%s': %s: a .npy file of %lld times from 0 to 1 is needed",
                   TR_SHOW(path, 200), strerror(errno), (long long)n);
  tr_status status = given_open(ctx, "--times", path, 1, &n, &times);
  if (status == TR_OK && !(*out = malloc((size_t)n * sizeof **out)))
    status = TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld times", (long long)n);
  if (status == TR_OK) status = read_times(ctx, &times.npy, *out);
  given_close(&times);
  return status;
}

bool given_all_zero(const given *g, int64_t offset, int64_t n) {
  for (int64_t i = offset; i < offset + n; i++)
    if (element(&g->npy, i) != 0) return false;
  return true;
}

tr_status given_read(const given *g, int64_t offset, tr_array *out) {
  if (g->npy.dtype == out->dtype)
    return tr_array_upload(out, (const char *)g->npy.data + offset * (int64_t)tr_dtype_size(g->npy.dtype));
  double *host = malloc((size_t)out->count * sizeof *host);
  if (!host) return TR_FAIL(out->ctx, TR_E_MEM, "out of memory reading %s", g->option);
  for (int64_t i = 0; i < out->count; i++) host[i] = element(&g->npy, offset + i);
  tr_status status = tr_array_set_f64(out, host);
  free(host);
  return status;
}
