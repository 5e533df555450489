#include "tests/support/nets/weights.h"

#include <stdlib.h>

#include "core/vec/vec.h"
#include "tests/support/check.h"

weights *weights_create(void) {
  weights *w = calloc(1, sizeof *w);
  if (!w) exit(1);
  return w;
}

void weights_free(weights *w) {
  for (int i = 0; i < WEIGHTS_MOST; i++) free(w->data[i]);
  free(w);
}

void weights_add(tr_ctx *ctx, weights *w, const char *name, int ndim, const int64_t *shape, double scale) {
  const tr_random_address address = {.seed = 5, .purpose = TR_RANDOM_TEST, .step = (uint32_t)w->n};
  int64_t count = 1;
  for (int i = 0; i < ndim; i++) count *= shape[i];
  tr_array *normals;
  double *data = malloc((size_t)count * sizeof *data);
  if (!data || w->n == WEIGHTS_MOST) exit(1);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, &count, &normals));
  CHECK_OK(ctx, tr_randn(&address, normals));
  CHECK_OK(ctx, tr_scale(scale, normals, normals));
  CHECK_OK(ctx, tr_array_get_f64(normals, data));
  tr_array_destroy(&normals);
  snprintf(w->names[w->n], sizeof w->names[w->n], "%s", name);
  w->data[w->n] = data;
  w->items[w->n] = tr_tensor_of_f64(w->names[w->n], ndim, shape, data);
  w->n++;
}

static void add_matrix(tr_ctx *ctx, weights *w, const char *name, int64_t rows, int64_t cols) {
  weights_add(ctx, w, name, 2, (int64_t[]){rows, cols}, 1.6 / sqrt((double)cols));
}

static void add_layer(tr_ctx *ctx, weights *w, const char *name, int64_t out, int64_t in) {
  char full[64];
  snprintf(full, sizeof full, "%s.weight", name);
  add_matrix(ctx, w, full, out, in);
  snprintf(full, sizeof full, "%s.bias", name);
  weights_add(ctx, w, full, 1, &out, 0.4);
}

weights *weights_of_mlp(tr_ctx *ctx, const weights_mlp_sizes *sizes) {
  weights *w = weights_create();
  add_layer(ctx, w, "x_in", sizes->hidden, sizes->dim);
  add_layer(ctx, w, "time_in", sizes->hidden, sizes->frequencies);
  for (int i = 0; i < sizes->depth; i++) {
    char name[48];
    snprintf(name, sizeof name, "layers.%d", i);
    add_layer(ctx, w, name, sizes->hidden, sizes->hidden);
  }
  add_layer(ctx, w, "out", sizes->dim, sizes->hidden);
  if (sizes->label_rows) add_matrix(ctx, w, "labels.weight", sizes->label_rows, sizes->hidden);
  return w;
}

tr_tensors weights_tensors(const weights *w) {
  return (tr_tensors){.n = w->n, .items = w->items};
}

int weights_index(const weights *w, const char *name) {
  for (int i = 0; i < w->n; i++)
    if (strcmp(w->names[i], name) == 0) return i;
  exit(1);
}
