/* Gradients of a network with respect to its parameters: the reference's gradients of every loss, central
 * differences of every tensor, bits that depend on neither cuts nor threads, f32 against f64. */
/* TR_TEST_RESOURCES */
#include "nets/net.h"

#include <stdlib.h>

#include "core/vec.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "tests/support/scene.h"
#include "transport/loss.h"
#include "transport/register.h"

static double *values(const tr_array *a) {
  double *host = malloc((size_t)a->count * sizeof *host);
  CHECK_OK(a->ctx, tr_array_get_f64(a, host));
  return host;
}

/* ---- the reference ---- */

enum { MAX = 8 };

/* The mean loss of a golden; its gradient comes group by group. */
typedef struct {
  tr_loss loss;
  tr_npz *npz;
  tr_net *net;
  tr_array *x1, *x0, *x;
  double t[MAX];
  int32_t labels[MAX];
  int n;
} training;

static void open_training(tr_ctx *ctx, const char *path, const char *prediction, const char *weight,
                          training *s) {
  char name[80];
  snprintf(name, sizeof name, "loss_%s_%s_%s", path, prediction, weight);
  s->npz = golden_open(ctx, name);
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &s->loss.interpolant));
  CHECK_OK(ctx, tr_prediction_find(ctx, prediction, &s->loss.prediction));
  CHECK_OK(ctx, tr_loss_weight_find(ctx, weight, &s->loss.weight));
  CHECK_OK(ctx, tr_net_open(golden_network(ctx, TR_F64, s->loss.prediction->tag), &s->net));
  tr_array *times = golden_array(s->npz, "t", TR_F64);
  CHECK_OK(ctx, tr_array_get_f64(times, s->t));
  tr_array_destroy(&times);
  s->n = golden_labels(ctx, s->npz, s->labels, MAX);
  s->x1 = golden_array(s->npz, "x1", TR_F64), s->x0 = golden_array(s->npz, "x0", TR_F64);
  CHECK_OK(ctx, tr_array_like(s->x1, &s->x));
  CHECK_OK(ctx, tr_interpolate(&s->loss.interpolant, (tr_times){s->n, s->t}, s->x1, s->x0, s->x));
}

static void close_training(training *s) {
  tr_drift *drift = s->net->drift;
  tr_array **const arrays[] = {&s->x1, &s->x0, &s->x};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
  tr_net_close(&s->net);
  tr_drift_destroy(&drift);
  tr_npz_close(&s->npz);
}

static tr_status loss_covector(void *user, int64_t first, const tr_array *f, tr_array *w) {
  const training *s = user;
  int64_t n = f->shape[0];
  double each[MAX];
  tr_array *x1 = NULL, *x0 = NULL;
  tr_status status = tr_array_rows(s->x1, first, n, &x1);
  if (status == TR_OK) status = tr_array_rows(s->x0, first, n, &x0);
  if (status == TR_OK)
    status = tr_loss_eval(&s->loss, (tr_times){n, s->t + first}, f, x1, x0, 1. / s->n, each, w);
  tr_array_destroy(&x1);
  tr_array_destroy(&x0);
  return status;
}

static void add_gradient(tr_ctx *ctx, training *s) {
  CHECK_OK(ctx, tr_net_backward(
                    s->net, (tr_times){s->n, s->t}, s->x, &(tr_cond){s->n, s->labels},
                    &(tr_net_backward_args){.want = TR_GRAD_PARAMS, .covector = loss_covector, .user = s}));
}

static void norms(tr_ctx *ctx, const char *path, const char *prediction, const char *weight) {
  training s;
  open_training(ctx, path, prediction, weight, &s);
  add_gradient(ctx, &s);
  tr_array *stored = golden_array(s.npz, "grad_norms", TR_F64);
  double *want = values(stored);
  CHECK(stored->count == s.net->n_params);
  for (int i = 0; i < s.net->n_params; i++) {
    double *g = values(s.net->params[i].gradient);
    double got = sqrt(scene_dot(g, g, s.net->params[i].gradient->count));
    CHECK(want[i] > 0);
    CHECK_NEAR(got, want[i], 1e-9 * want[i]);
    free(g);
  }
  free(want);
  tr_array_destroy(&stored);
  close_training(&s);
}

/* Names, order, shapes and every element; twice the gradient after a second backward, none after zero. */
static void full(tr_ctx *ctx) {
  training s;
  open_training(ctx, "Linear", "velocity", "none", &s);
  add_gradient(ctx, &s);
  for (int i = 0; i < s.net->n_params; i++) {
    char entry[96];
    snprintf(entry, sizeof entry, "grad:%s", s.net->params[i].name);
    CHECK(strcmp(tr_npz_name(s.npz, 7 + i), entry) == 0);
    tr_array *want = golden_array(s.npz, entry, TR_F64);
    CHECK(tr_array_same_shape(want, s.net->params[i].gradient));
    CHECK_NEAR(golden_difference(s.npz, entry, s.net->params[i].gradient), 0, 1e-7); /* rounded to float32 */
    tr_array_destroy(&want);
  }
  double *once = values(s.net->params[0].gradient);
  add_gradient(ctx, &s);
  double *twice = values(s.net->params[0].gradient);
  for (int64_t i = 0; i < s.net->params[0].gradient->count; i++) once[i] *= 2;
  CHECK(check_relative(twice, once, s.net->params[0].gradient->count) < 1e-12);
  CHECK_OK(ctx, tr_net_zero(s.net));
  double *none = values(s.net->params[0].gradient);
  for (int64_t i = 0; i < s.net->params[0].gradient->count; i++) CHECK(none[i] == 0);
  free(once), free(twice), free(none);
  close_training(&s);
}

/* ---- central differences ---- */

/* A network's random weights with one element of one tensor moved. */
typedef struct {
  tr_tensor *items;
  double **data;
  int n;
} weights;

static void fill_weights(const tr_net *net, const tr_sit_config *c, weights *w) {
  int64_t position = (int64_t)c->grid * c->grid * c->hidden;
  w->n = net->n_params + 1;
  w->items = calloc((size_t)w->n, sizeof *w->items), w->data = calloc((size_t)w->n, sizeof *w->data);
  for (int i = 0; i < w->n; i++) {
    const tr_array *g = i < net->n_params ? net->params[i].gradient : NULL;
    int64_t count = g ? g->count : position;
    tr_tensor *t = &w->items[i];
    w->data[i] = malloc((size_t)count * sizeof(double));
    for (int64_t k = 0; k < count; k++) w->data[i][k] = 0.3 * sin(1.7 * (double)(k % 1009) + i);
    *t = (tr_tensor){.name = g ? net->params[i].name : "pos_embed",
                     .type = TR_T_F64,
                     .ndim = 1,
                     .shape = {count},
                     .stride = {1},
                     .count = count,
                     .data = w->data[i]};
  }
}

static void free_weights(weights *w) {
  for (int i = 0; i < w->n; i++) free(w->data[i]);
  free(w->data), free(w->items);
}

/* w' f with these weights */
static double product(tr_ctx *ctx, const scene *s, const tr_sit_config *config, const weights *w,
                      const double *covector) {
  tr_drift *network;
  tr_array *f;
  tr_cond cond = scene_cond(s, 0, s->rows);
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  CHECK_OK(ctx, tr_sit_create(ctx, config, TR_F64, &(tr_tensors){w->n, w->items}, TR_VELOCITY, &network));
  CHECK_OK(ctx, tr_drift_eval(network, scene_times(s, 0, s->rows), s->x, &cond, f));
  double *host = values(f), result = scene_dot(host, covector, f->count);
  free(host);
  tr_array_destroy(&f);
  tr_drift_destroy(&network);
  return result;
}

static void differences(tr_ctx *ctx, const tr_sit_config *config) {
  enum { ROWS = 3, ENTRIES = 3 };
  const double h = 1e-5; /* h^2 and rounding / h leave 1e-7 of a gradient */
  scene s;
  tr_net *net;
  weights w;
  tr_drift *network;
  open_scene(ctx, config, TR_F64, ROWS, &s);
  CHECK_OK(ctx, tr_net_open(s.network, &net));
  fill_weights(net, config, &w);
  CHECK_OK(ctx, tr_sit_create(ctx, config, TR_F64, &(tr_tensors){w.n, w.items}, TR_VELOCITY, &network));
  tr_net *moved;
  tr_cond cond = scene_cond(&s, 0, ROWS);
  CHECK_OK(ctx, tr_net_open(network, &moved));
  CHECK_OK(ctx, tr_net_backward(moved, scene_times(&s, 0, ROWS), s.x, &cond,
                                &(tr_net_backward_args){.want = TR_GRAD_PARAMS, .w = s.w}));
  double *covector = values(s.w);
  for (int i = 0; i < moved->n_params; i++) {
    int64_t count = moved->params[i].gradient->count;
    double *g = values(moved->params[i].gradient), size = 0;
    for (int64_t k = 0; k < count; k++) size = fmax(size, fabs(g[k]));
    CHECK(size > 0);
    for (int e = 0; e < ENTRIES; e++) {
      int64_t k = e == 0 && strstr(moved->params[i].name, "table") ? s.labels[0] * (int64_t)config->hidden
                                                                   : (count - 1) * e / (ENTRIES - 1);
      double kept = w.data[i][k];
      w.data[i][k] = kept + h;
      double above = product(ctx, &s, config, &w, covector);
      w.data[i][k] = kept - h;
      double below = product(ctx, &s, config, &w, covector);
      w.data[i][k] = kept;
      CHECK_NEAR(g[k], (above - below) / (2 * h), 1e-6 * fmax(size, 1e-3));
    }
    free(g);
  }
  free(covector);
  free_weights(&w);
  tr_net_close(&moved);
  tr_net_close(&net);
  tr_drift_destroy(&network);
  close_scene(&s);
}

/* ---- bits ---- */

/* All gradients, one after the other, of the batch in pieces of `step`; wJ and f too. */
static double *in_pieces(tr_ctx *ctx, const scene *s, int64_t step, int threads, int64_t *count) {
  tr_net *net;
  tr_array *f, *wJ;
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
  CHECK_OK(ctx, tr_net_open(s->network, &net));
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  CHECK_OK(ctx, tr_array_like(s->x, &wJ));
  for (int64_t first = 0; first < s->rows; first += step) {
    int64_t n = s->rows - first < step ? s->rows - first : step;
    tr_array *const whole[] = {s->x, s->w, f, wJ};
    tr_array *part[4];
    for (int i = 0; i < 4; i++) CHECK_OK(ctx, tr_array_rows(whole[i], first, n, &part[i]));
    tr_cond cond = scene_cond(s, first, n);
    CHECK_OK(ctx, tr_net_backward(net, scene_times(s, first, n), part[0], &cond,
                                  &(tr_net_backward_args){.want = TR_GRAD_INPUT | TR_GRAD_PARAMS,
                                                          .w = part[1],
                                                          .f = part[2],
                                                          .wJ = part[3]}));
    for (int i = 0; i < 4; i++) tr_array_destroy(&part[i]);
  }
  *count = f->count + wJ->count;
  for (int i = 0; i < net->n_params; i++) *count += net->params[i].gradient->count;
  double *all = malloc((size_t)*count * sizeof *all), *to = all;
  CHECK_OK(ctx, tr_array_get_f64(f, to)), to += f->count;
  CHECK_OK(ctx, tr_array_get_f64(wJ, to)), to += wJ->count;
  for (int i = 0; i < net->n_params; i++) {
    CHECK_OK(ctx, tr_array_get_f64(net->params[i].gradient, to));
    to += net->params[i].gradient->count;
  }
  tr_array_destroy(&f);
  tr_array_destroy(&wJ);
  tr_net_close(&net);
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 2));
  return all;
}

static void cuts(tr_ctx *ctx, const tr_sit_config *config, tr_dtype dtype, int64_t rows) {
  static const int64_t steps[] = {1, 3, 4, 64};
  scene s;
  int64_t count, same;
  open_scene(ctx, config, dtype, rows, &s);
  double *whole = in_pieces(ctx, &s, rows, 1, &count);
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    if (i == 2) CHECK_OK(ctx, tr_sit_set_recompute(s.network, true));
    double *got = in_pieces(ctx, &s, steps[i], 1 + (int)i % 3, &same);
    CHECK(same == count && memcmp(got, whole, (size_t)count * sizeof *got) == 0);
    free(got);
  }
  /* f and wJ are those of the provider's own calls */
  tr_array *f, *wJ;
  tr_cond cond = scene_cond(&s, 0, rows);
  CHECK_OK(ctx, tr_array_like(s.x, &f));
  CHECK_OK(ctx, tr_array_like(s.x, &wJ));
  CHECK_OK(ctx, tr_drift_vjp(s.network, scene_times(&s, 0, rows), s.x, &cond, s.w, f, wJ));
  double *vjp = values(wJ), *eval = values(f);
  CHECK(memcmp(eval, whole, (size_t)f->count * sizeof *eval) == 0);
  CHECK(memcmp(vjp, whole + f->count, (size_t)f->count * sizeof *vjp) == 0);
  free(vjp), free(eval), free(whole);
  tr_array_destroy(&f);
  tr_array_destroy(&wJ);
  close_scene(&s);
}

static void precisions(tr_ctx *ctx, const tr_sit_config *config) {
  scene single, twice;
  int64_t n, m;
  open_scene(ctx, config, TR_F32, 8, &single);
  open_scene(ctx, config, TR_F64, 8, &twice);
  double *a = in_pieces(ctx, &single, 8, 2, &n), *b = in_pieces(ctx, &twice, 8, 2, &m);
  CHECK(n == m);
  CHECK(check_relative(a, b, n) < 1e-4);
  CHECK(check_relative(a, b, n) > 0);
  free(a), free(b);
  close_scene(&single);
  close_scene(&twice);
}

/* One time and one label for all mean the same as giving them to each. */
static void common_conditions(tr_ctx *ctx) {
  enum { ROWS = 3 };
  scene s;
  open_scene(ctx, &scene_odd, TR_F64, ROWS, &s);
  for (int i = 0; i < ROWS; i++) s.times[i] = s.times[0], s.labels[i] = s.labels[0];
  int64_t count;
  double *each = in_pieces(ctx, &s, ROWS, 1, &count), *at = each + 2 * s.x->count;
  tr_net *net;
  CHECK_OK(ctx, tr_net_open(s.network, &net));
  CHECK_OK(ctx, tr_net_backward(net, (tr_times){1, s.times}, s.x, &(tr_cond){1, s.labels},
                                &(tr_net_backward_args){.want = TR_GRAD_PARAMS, .w = s.w}));
  for (int i = 0; i < net->n_params; i++) {
    double *got = values(net->params[i].gradient);
    CHECK(memcmp(got, at, (size_t)net->params[i].gradient->count * sizeof *got) == 0);
    at += net->params[i].gradient->count;
    free(got);
  }
  free(each);
  tr_net_close(&net);
  close_scene(&s);
}

static tr_status failing(void *user, int64_t first, const tr_array *f, tr_array *w) {
  (void)user, (void)w;
  return TR_FAIL(f->ctx, TR_E_ARG, "no loss at sample %lld", (long long)first);
}

static void refused(tr_ctx *ctx) {
  scene s;
  tr_net *net;
  open_scene(ctx, &scene_odd, TR_F64, 2, &s);
  CHECK_OK(ctx, tr_net_open(s.network, &net));
  const double late = 1.5;
  const tr_times times = scene_times(&s, 0, 2);
  const tr_cond cond = scene_cond(&s, 0, 2);
  tr_array *few;
  CHECK_OK(ctx, tr_array_rows(s.x, 0, 1, &few));
  const struct {
    tr_net_backward_args args;
    tr_status status;
    const char *word;
  } cases[] = {
      {{.w = s.w}, TR_E_ARG, "TR_GRAD_PARAMS"},
      {{.want = 8, .w = s.w}, TR_E_ARG, "TR_GRAD_PARAMS"},
      {{.want = TR_GRAD_PARAMS}, TR_E_ARG, "neither"},
      {{.want = TR_GRAD_PARAMS, .w = s.w, .covector = failing}, TR_E_ARG, "both"},
      {{.want = TR_GRAD_PARAMS, .w = s.w, .wJ = s.x}, TR_E_ARG, "not wanted"},
      {{.want = TR_GRAD_INPUT, .w = s.w}, TR_E_ARG, "no room"},
      {{.want = TR_GRAD_PARAMS, .w = few}, TR_E_SHAPE, "agree"},
      {{.want = TR_GRAD_PARAMS, .w = s.w, .f = few}, TR_E_SHAPE, "agree"},
      {{.want = TR_GRAD_PARAMS, .covector = failing}, TR_E_ARG, "no loss at sample 0"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CHECK_ERROR(ctx, tr_net_backward(net, times, s.x, &cond, &cases[i].args), cases[i].status, cases[i].word);
  CHECK_ERROR(ctx,
              tr_net_backward(net, (tr_times){1, &late}, s.x, &cond,
                              &(tr_net_backward_args){.want = TR_GRAD_PARAMS, .w = s.w}),
              TR_E_ARG, "1.5");
  tr_array_destroy(&few);
  tr_net_close(&net);
  CHECK(net == NULL);
  close_scene(&s);
}

int main(int argc, char **argv) {
  static const char *const paths[] = {"Linear", "GVP", "VP"};
  static const char *const predictions[] = {"velocity", "noise", "score"};
  static const char *const loss_weights[] = {"none", "velocity", "likelihood"};
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  for (int i = 0; i < 27; i++) norms(ctx, paths[i / 9], predictions[i / 3 % 3], loss_weights[i % 3]);
  full(ctx);
  differences(ctx, &scene_odd);
  for (int i = 0; i < 2; i++) {
    tr_dtype dtype = i ? TR_F64 : TR_F32;
    cuts(ctx, &scene_odd, dtype, 59); /* more than one group of samples */
    cuts(ctx, &scene_large, dtype, 5);
  }
  precisions(ctx, &scene_odd);
  precisions(ctx, &scene_large);
  common_conditions(ctx);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
