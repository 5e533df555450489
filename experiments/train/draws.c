/* What --draws gives in the place of what steps would draw. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/text.h"
#include "experiments/train/run.h"

typedef struct {
  train_run *run;
  tr_npy t, y; /* y empty: there is none */
} draws;

#define REFUSE(d, ...) refuse((d), __LINE__, __VA_ARGS__)
static tr_status refuse(const draws *d, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static tr_status refuse(const draws *d, int line, const char *format, ...) {
  char text[300];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return tr_ctx_latch(d->run->program->ctx, TR_E_ARG, __FILE__, line, "--draws '%s': %s",
                      TR_SHOW(d->run->options->draws, 200), text);
}

static tr_status check_shapes(const draws *d) {
  const train_data *data = &d->run->data;
  const tr_array *x1 = data->x1;
  char a[80], b[80], c[80];
  const int ndim = x1->ndim - 2;
  const bool fit = d->t.ndim == 2 && (ndim == 1 || ndim == 3) && tr_array_same_shape(x1, data->x0) &&
                   x1->shape[0] == d->t.shape[0] && x1->shape[1] == d->t.shape[1] && x1->shape[0] > 0 &&
                   (!d->y.data || d->y.count == d->t.count);
  if (!fit)
    return REFUSE(d, "x1 %s, x0 %s, t %s: x1 and x0 (S,N,...), t and y (S,N) are needed, S at least 1",
                  tr_array_describe(x1, a, sizeof a), tr_array_describe(data->x0, b, sizeof b),
                  tr_npy_describe(&d->t, c, sizeof c));
  if (d->t.shape[1] != d->run->options->batch)
    return REFUSE(d, "it has %lld rows a step: --global-batch-size is %ld", (long long)d->t.shape[1],
                  d->run->options->batch);
  return TR_OK;
}

/* Draws beside data are of its states; alone they say what states are. */
static tr_status check_states(const draws *d) {
  train_data *data = &d->run->data;
  const int ndim = data->x1->ndim - 2;
  bool same = data->ndim == 0 || data->ndim == ndim;
  char a[80];
  for (int i = 0; same && data->ndim && i < ndim; i++) same = data->shape[i] == data->x1->shape[i + 2];
  if (!same)
    return REFUSE(d, "x1 is %s: its states are not those of --data-path '%s'",
                  tr_array_describe(data->x1, a, sizeof a), TR_SHOW(d->run->options->data_path, 200));
  data->ndim = ndim;
  for (int i = 0; i < ndim; i++) data->shape[i] = data->x1->shape[i + 2];
  return TR_OK;
}

static tr_status check_classes(const draws *d) {
  train_data *data = &d->run->data;
  if (d->run->options->data_path && !data->num_classes && d->y.data)
    return REFUSE(d, "it has y, but --data-path no labels for the steps behind it");
  if (!data->num_classes && d->run->options->num_classes != TR_OPTION_UNSET)
    data->num_classes = (int)d->run->options->num_classes;
  if (!data->num_classes == !d->y.data) return TR_OK;
  return d->y.data ? REFUSE(d, "it has y: --num-classes says how many classes there are")
                   : REFUSE(d, "it has no y: labels (S,N) are needed");
}

static tr_status check_numbers(const draws *d) {
  const train_data *data = &d->run->data;
  for (int64_t i = 0; i < d->t.count; i++) {
    if (!(data->t[i] >= 0 && data->t[i] <= 1))
      return REFUSE(d, "t has %g: times lie between 0 and 1", data->t[i]);
    if (d->y.data && (data->y[i] < 0 || data->y[i] > data->num_classes))
      return REFUSE(d, "y has %d: classes are 0 to %d, and %d the null class", data->y[i],
                    data->num_classes - 1, data->num_classes);
  }
  return TR_OK;
}

static tr_status take(draws *d) {
  train_data *data = &d->run->data;
  const size_t n = (size_t)d->t.count;
  TR_TRY(check_shapes(d));
  TR_TRY(check_states(d));
  TR_TRY(check_classes(d));
  data->t = malloc(n * sizeof *data->t);
  data->y = calloc(n, sizeof *data->y);
  if (!data->t || !data->y) return TR_FAIL(d->run->program->ctx, TR_E_MEM, "out of memory for --draws");
  tr_npy_get_f64(&d->t, data->t);
  if (d->y.data) TR_TRY(tr_npy_get_i32(d->run->program->ctx, &d->y, data->y));
  data->drawn = d->t.shape[0];
  return check_numbers(d);
}

static tr_status read(draws *d, tr_npz *npz) {
  train_data *data = &d->run->data;
  TR_TRY(tr_npz_get_array(npz, "x1", d->run->dtype, &data->x1));
  TR_TRY(tr_npz_get_array(npz, "x0", d->run->dtype, &data->x0));
  TR_TRY(tr_npz_get(npz, "t", &d->t));
  if (tr_npz_has(npz, "y")) TR_TRY(tr_npz_get(npz, "y", &d->y));
  return take(d);
}

tr_status train_draws_open(train_run *run) {
  tr_npz *npz;
  draws d = {.run = run};
  const train_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  if (o->max_steps == TR_OPTION_UNSET && !o->data_path)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--draws without --data-path needs --max-steps, at most as many as there are draws");
  TR_TRY(tr_npz_open(ctx, o->draws, &npz));
  tr_status status = read(&d, npz);
  tr_npy_close(&d.t);
  tr_npy_close(&d.y);
  tr_npz_close(&npz);
  if (status == TR_OK) status = tr_sha256_file(ctx, o->draws, run->data.drawn_sha256);
  if (status == TR_OK && !o->data_path && o->max_steps > run->data.drawn)
    status = TR_FAIL(ctx, TR_E_ARG, "--max-steps %ld: --draws has %lld, and there is no --data-path",
                     o->max_steps, (long long)run->data.drawn);
  return status;
}
