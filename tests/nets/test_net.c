/* Gradients of networks, a SiT and an MLP, with respect to their parameters: the reference's gradients of
 * every loss, central differences, bits that depend on neither cuts nor threads, f32 against f64, what is
 * refused. */
/* TR_TEST_RESOURCES */
#include "nets/net.h"

#include <stdlib.h>

#include "core/backend.h"
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "tests/support/nets/networks.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/problems/mixtures.h"
#include "tests/support/problems/scene.h"
#include "transport/loss/loss.h"
#include "transport/transfer.h"

static const tr_net_options trained = {.dtype = TR_F64, .trained = true};

static tr_array *new_gradient(tr_ctx *ctx, const tr_net *net) {
  tr_array *gradient;
  CHECK_OK(ctx, tr_params_like(tr_net_params(net), &gradient));
  return gradient;
}

/* The part of a gradient that parameter i has. */
static tr_array part_of(const tr_net *net, const tr_array *gradient, int i) {
  return tr_params_at(tr_net_params(net), gradient, i);
}

/* All elements of a gradient, without the gaps. */
static void read_gradient(tr_ctx *ctx, const tr_net *net, const tr_array *gradient, double *to) {
  for (int i = 0; i < tr_params_n(tr_net_params(net)); i++) {
    tr_array part = part_of(net, gradient, i);
    CHECK_OK(ctx, tr_array_get_f64(&part, to));
    to += part.count;
  }
}

/* The next parameter from number i on that is trained; -1 past the last. */
static int next_trained(const tr_net *net, int i) {
  const tr_params *params = tr_net_params(net);
  while (i < tr_params_n(params) && tr_params_entry(params, i)->frozen) i++;
  return i < tr_params_n(params) ? i : -1;
}

static const char *name_of(const tr_net *net, int i) {
  return tr_params_entry(tr_net_params(net), i)->name;
}

/* ---- the reference ---- */

enum { MAX = 8 };

/* The mean loss of a golden; its gradient comes group by group. */
typedef struct {
  tr_loss loss;
  tr_npz *npz;
  tr_net *net;
  tr_array *x1, *x0, *x, *gradient;
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
  s->net = golden_net(ctx, &trained);
  s->gradient = new_gradient(ctx, s->net);
  tr_array *times = golden_array(s->npz, "t", TR_F64);
  CHECK_OK(ctx, tr_array_get_f64(times, s->t));
  tr_array_destroy(&times);
  s->n = golden_labels(ctx, s->npz, s->labels, MAX);
  s->x1 = golden_array(s->npz, "x1", TR_F64), s->x0 = golden_array(s->npz, "x0", TR_F64);
  CHECK_OK(ctx, tr_array_like(s->x1, &s->x));
  CHECK_OK(ctx, tr_interpolate(&s->loss.interpolant, (tr_times){s->n, s->t}, s->x1, s->x0, s->x));
}

static void close_training(training *s) {
  tr_array **const arrays[] = {&s->x1, &s->x0, &s->x, &s->gradient};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
  tr_net_destroy(&s->net);
  tr_npz_close(&s->npz);
}

static tr_status loss_covector(void *user, int64_t first, const tr_array *f, tr_array *w) {
  const training *s = user;
  int64_t n = f->shape[0];
  double each[MAX];
  tr_array x1 = tr_rows(s->x1, first, n), x0 = tr_rows(s->x0, first, n);
  return tr_loss_eval(&s->loss, (tr_times){n, s->t + first}, f, &x1, &x0, 1. / s->n, each, w);
}

static void add_gradient(tr_ctx *ctx, training *s) {
  CHECK_OK(ctx, tr_net_backward(s->net, (tr_times){s->n, s->t}, s->x, &(tr_cond){s->n, s->labels},
                                &(tr_net_backward_args){.want = TR_GRAD_PARAMS,
                                                        .covector = loss_covector,
                                                        .user = s,
                                                        .gradient = s->gradient}));
}

static void norms(tr_ctx *ctx, const char *path, const char *prediction, const char *weight) {
  training s;
  open_training(ctx, path, prediction, weight, &s);
  add_gradient(ctx, &s);
  tr_array *stored = golden_array(s.npz, "grad_norms", TR_F64);
  double *want = values(stored);
  int n = 0;
  for (int i = -1; (i = next_trained(s.net, i + 1)) >= 0; n++) {
    tr_array part = part_of(s.net, s.gradient, i);
    double *g = values(&part);
    double got = sqrt(scene_dot(g, g, part.count));
    CHECK(n < stored->count && want[n] > 0);
    CHECK_NEAR(got, want[n], 1e-9 * want[n]);
    free(g);
  }
  CHECK(stored->count == n);
  free(want);
  tr_array_destroy(&stored);
  close_training(&s);
}

/* Names, order, shapes and every element; twice the gradient after a second backward. */
static void full(tr_ctx *ctx) {
  training s;
  open_training(ctx, "Linear", "velocity", "none", &s);
  add_gradient(ctx, &s);
  for (int n = 0, i = -1; (i = next_trained(s.net, i + 1)) >= 0; n++) {
    char entry[96];
    tr_array part = part_of(s.net, s.gradient, i);
    snprintf(entry, sizeof entry, "grad:%s", name_of(s.net, i));
    CHECK(strcmp(tr_npz_name(s.npz, 7 + n), entry) == 0);
    tr_array *want = golden_array(s.npz, entry, TR_F64);
    CHECK(tr_array_same_shape(want, &part));
    CHECK_NEAR(golden_difference(s.npz, entry, &part), 0, 1e-7); /* rounded to float32 */
    tr_array_destroy(&want);
  }
  double *once = values(s.gradient);
  add_gradient(ctx, &s);
  double *twice = values(s.gradient);
  for (int64_t i = 0; i < s.gradient->count; i++) once[i] *= 2;
  CHECK(check_relative(twice, once, s.gradient->count) < 1e-12);
  free(once), free(twice);
  close_training(&s);
}

/* ---- central differences ---- */

typedef tr_net *(*maker)(tr_ctx *ctx, const weights *w);

static tr_net *make_sit(tr_ctx *ctx, const weights *w) {
  const tr_tensors all = weights_tensors(w);
  tr_net_config config;
  tr_net *net;
  CHECK_OK(ctx, scene_configure(ctx, &scene_odd, &config));
  CHECK_OK(ctx, tr_net_create(ctx, &config, &trained, &all, &net));
  tr_net_config_clear(&config);
  return net;
}

static tr_net *make_mlp(tr_ctx *ctx, const weights *w) {
  const tr_tensors all = weights_tensors(w);
  tr_net *net;
  CHECK_OK(ctx, networks_open(ctx, &all, NULL, &trained, &net));
  return net;
}

static weights *weights_of_sit(tr_ctx *ctx, const tr_net *net) {
  const tr_params *params = tr_net_params(net);
  weights *w = weights_create();
  for (int i = 0; i < tr_params_n(params); i++) {
    const tr_param_entry *entry = tr_params_entry(params, i);
    weights_add(ctx, w, entry->name, entry->ndim, entry->shape, 0.2);
  }
  return w;
}

/* w' f with these weights */
static double product(tr_ctx *ctx, const scene *s, maker make, const weights *w, const double *covector) {
  tr_net *net = make(ctx, w);
  tr_array *f;
  tr_cond cond = scene_cond(s, 0, s->rows);
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  CHECK_OK(ctx, tr_net_forward(net, scene_times(s, 0, s->rows), s->x, &cond, f));
  double *host = values(f), result = scene_dot(host, covector, f->count);
  free(host);
  tr_array_destroy(&f);
  tr_net_destroy(&net);
  return result;
}

/* (w' f(p + h) - w' f(p - h)) / 2 h for element k of a tensor; h^2 and rounding / h leave 1e-7 of a gradient.
 */
static double difference(tr_ctx *ctx, const scene *s, maker make, weights *w, int tensor, int64_t k,
                         const double *covector) {
  const double h = 1e-5, kept = w->data[tensor][k];
  w->data[tensor][k] = kept + h;
  double above = product(ctx, s, make, w, covector);
  w->data[tensor][k] = kept - h;
  double below = product(ctx, s, make, w, covector);
  w->data[tensor][k] = kept;
  return (above - below) / (2 * h);
}

/* Every element of every tensor, or three of each, one of a label that is used. */
static void differences(tr_ctx *ctx, const scene *s, maker make, weights *w, bool every) {
  tr_net *net = make(ctx, w);
  tr_array *all = new_gradient(ctx, net);
  tr_cond cond = scene_cond(s, 0, s->rows);
  CHECK_OK(ctx, tr_net_backward(net, scene_times(s, 0, s->rows), s->x, &cond,
                                &(tr_net_backward_args){.want = TR_GRAD_PARAMS, .w = s->w, .gradient = all}));
  double *covector = values(s->w);
  for (int i = -1; (i = next_trained(net, i + 1)) >= 0;) {
    tr_array gradient = part_of(net, all, i);
    int64_t count = gradient.count, entries = every ? count : 3;
    int tensor = weights_index(w, name_of(net, i));
    double *g = values(&gradient), size = 0;
    for (int64_t k = 0; k < count; k++) size = fmax(size, fabs(g[k]));
    CHECK(size > 0);
    CHECK(gradient.ndim == w->items[tensor].ndim);
    CHECK(memcmp(gradient.shape, w->items[tensor].shape, (size_t)gradient.ndim * sizeof(int64_t)) == 0);
    for (int64_t e = 0; e < entries; e++) {
      int64_t k = entries > 1 ? (count - 1) * e / (entries - 1) : 0;
      if (!every && e == 0 && strstr(name_of(net, i), "table")) k = s->labels[0] * gradient.shape[1];
      CHECK_NEAR(g[k], difference(ctx, s, make, w, tensor, k, covector), 1e-6 * fmax(size, 1e-3));
    }
    free(g);
  }
  free(covector);
  tr_array_destroy(&all);
  tr_net_destroy(&net);
}

static void sit_differences(tr_ctx *ctx) {
  scene s;
  open_trained_scene(ctx, &scene_odd, TR_F64, 3, &s);
  weights *w = weights_of_sit(ctx, s.net);
  differences(ctx, &s, make_sit, w, false);
  weights_free(w);
  close_scene(&s);
}

static weights *mlp_weights(tr_ctx *ctx, int hidden, int label_rows) {
  return weights_of_mlp(ctx, &(weights_mlp_sizes){3, hidden, 2, 6, label_rows});
}

/* Names, order, shapes and elements; labels 0, 1, 2, 0 of four classes and the null class. */
static void mlp_differences(tr_ctx *ctx, int label_rows) {
  scene s;
  weights *w = mlp_weights(ctx, 5, label_rows);
  open_trained_mlp_scene(ctx, w, TR_F64, 4, &s);
  s.labels[3] = 0;
  CHECK(tr_params_n(tr_net_params(s.net)) == w->n);
  for (int i = 0; i < w->n; i++) CHECK(strcmp(name_of(s.net, i), w->names[i]) == 0);
  /* elsewhere an array costs too much to make a network for every element */
  differences(ctx, &s, make_mlp, w, tr_ctx_backend(ctx) == &tr_backend_cpu);
  close_scene(&s);
  weights_free(w);
}

/* ---- bits ---- */

/* f, wJ and the gradient of the parameters, one after the other, of the batch in pieces of `step`. */
static double *in_pieces(tr_ctx *ctx, const scene *s, int64_t step, int threads, int64_t *count) {
  tr_array *f, *wJ, *gradient = new_gradient(ctx, s->net);
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  CHECK_OK(ctx, tr_array_like(s->x, &wJ));
  for (int64_t first = 0; first < s->rows; first += step) {
    int64_t n = s->rows - first < step ? s->rows - first : step;
    tr_array *const whole[] = {s->x, s->w, f, wJ};
    tr_array part[4];
    for (int i = 0; i < 4; i++) part[i] = tr_rows(whole[i], first, n);
    tr_cond cond = scene_cond(s, first, n);
    CHECK_OK(ctx, tr_net_backward(s->net, scene_times(s, first, n), &part[0], &cond,
                                  &(tr_net_backward_args){.want = TR_GRAD_INPUT | TR_GRAD_PARAMS,
                                                          .w = &part[1],
                                                          .f = &part[2],
                                                          .wJ = &part[3],
                                                          .gradient = gradient}));
  }
  *count = f->count + wJ->count + tr_params_count(tr_net_params(s->net), false);
  double *all = malloc((size_t)*count * sizeof *all), *to = all;
  CHECK_OK(ctx, tr_array_get_f64(f, to)), to += f->count;
  CHECK_OK(ctx, tr_array_get_f64(wJ, to)), to += wJ->count;
  read_gradient(ctx, s->net, gradient, to);
  tr_array_destroy(&f);
  tr_array_destroy(&wJ);
  tr_array_destroy(&gradient);
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 2));
  return all;
}

static void cuts(tr_ctx *ctx, const scene *s) {
  if (!promises(ctx, TR_BACKEND_SUMS_IN_ORDER)) return;
  static const int64_t steps[] = {1, 3, 4, 64};
  int64_t count, same;
  double *whole = in_pieces(ctx, s, s->rows, 1, &count);
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    if (i == 2 && strcmp(tr_net_name(s->net), "sit") == 0) CHECK_OK(ctx, tr_net_set_recompute(s->net, true));
    double *got = in_pieces(ctx, s, steps[i], 1 + (int)i % 3, &same);
    CHECK(same == count && memcmp(got, whole, (size_t)count * sizeof *got) == 0);
    free(got);
  }
  /* f and wJ are those of the provider's own calls */
  tr_array *f, *wJ;
  tr_cond cond = scene_cond(s, 0, s->rows);
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  CHECK_OK(ctx, tr_array_like(s->x, &wJ));
  CHECK_OK(ctx, tr_drift_vjp(s->network, scene_times(s, 0, s->rows), s->x, &cond, s->w, f, wJ));
  double *vjp = values(wJ), *eval = values(f);
  CHECK(memcmp(eval, whole, (size_t)f->count * sizeof *eval) == 0);
  CHECK(memcmp(vjp, whole + f->count, (size_t)f->count * sizeof *vjp) == 0);
  free(vjp), free(eval), free(whole);
  tr_array_destroy(&f);
  tr_array_destroy(&wJ);
}

static void precisions(tr_ctx *ctx, const scene *single, const scene *twice) {
  int64_t n, m;
  double *a = in_pieces(ctx, single, 8, 2, &n), *b = in_pieces(ctx, twice, 8, 2, &m);
  CHECK(n == m);
  CHECK(check_relative(a, b, n) < 1e-4);
  CHECK(check_relative(a, b, n) > 0);
  free(a), free(b);
}

/* A gradient of the parameters has the bits of that at `want`. */
static void same_gradient(tr_ctx *ctx, const tr_net *net, const tr_array *gradient, const double *want) {
  size_t bytes = (size_t)tr_params_count(tr_net_params(net), false) * sizeof *want;
  double *got = malloc(bytes);
  read_gradient(ctx, net, gradient, got);
  CHECK(memcmp(got, want, bytes) == 0);
  free(got);
}

/* One time and one label for all mean the same as giving them to each. */
static void common_conditions(tr_ctx *ctx, scene *s) {
  for (int i = 0; i < s->rows; i++) s->times[i] = s->times[0], s->labels[i] = s->labels[0];
  int64_t count;
  double *each = in_pieces(ctx, s, s->rows, 1, &count);
  tr_array *gradient = new_gradient(ctx, s->net);
  tr_cond cond = scene_cond(s, 0, 1);
  CHECK_OK(ctx,
           tr_net_backward(s->net, (tr_times){1, s->times}, s->x, &cond,
                           &(tr_net_backward_args){.want = TR_GRAD_PARAMS, .w = s->w, .gradient = gradient}));
  same_gradient(ctx, s->net, gradient, each + 2 * s->x->count);
  free(each);
  tr_array_destroy(&gradient);
}

typedef struct {
  const scene *s;
  const double *f;
  int64_t asked;
} expected_result;

/* The scene's covectors, for results that are those expected. */
static tr_status scene_covector(void *user, int64_t first, const tr_array *f, tr_array *w) {
  expected_result *e = user;
  double *got = values(f);
  CHECK(first == e->asked && tr_array_same_shape(f, w));
  CHECK(memcmp(got, e->f + first * e->s->row, (size_t)f->count * sizeof *got) == 0);
  free(got);
  e->asked += f->shape[0];
  tr_array part = tr_rows(e->s->w, first, f->shape[0]);
  return tr_array_copy(&part, w);
}

/* Covectors made of the result, group by group, give what covectors given before do. */
static void made_covectors(tr_ctx *ctx, const scene *s) {
  int64_t count;
  double *whole = in_pieces(ctx, s, s->rows, 1, &count);
  expected_result expected = {s, whole, 0};
  tr_array *wJ, *gradient = new_gradient(ctx, s->net);
  tr_cond cond = scene_cond(s, 0, s->rows);
  const tr_times times = scene_times(s, 0, s->rows);
  const tr_net_counts before = tr_net_counted(s->net);
  CHECK_OK(ctx, tr_array_like(s->x, &wJ));
  CHECK_OK(ctx, tr_net_backward(s->net, times, s->x, &cond,
                                &(tr_net_backward_args){.want = TR_GRAD_PARAMS,
                                                        .covector = scene_covector,
                                                        .user = &expected,
                                                        .gradient = gradient}));
  CHECK(expected.asked == s->rows);
  CHECK(tr_net_counted(s->net).n_forward == before.n_forward + 1);
  CHECK(tr_net_counted(s->net).n_vjp == before.n_vjp);
  same_gradient(ctx, s->net, gradient, whole + 2 * s->x->count);
  expected.asked = 0;
  CHECK_OK(ctx, tr_net_backward(
                    s->net, times, s->x, &cond,
                    &(tr_net_backward_args){
                        .want = TR_GRAD_INPUT, .covector = scene_covector, .user = &expected, .wJ = wJ}));
  CHECK(tr_net_counted(s->net).n_forward == before.n_forward + 2);
  CHECK(tr_net_counted(s->net).n_vjp == before.n_vjp + 1);
  same_gradient(ctx, s->net, gradient, whole + 2 * s->x->count);
  double *got = values(wJ);
  CHECK(memcmp(got, whole + wJ->count, (size_t)wJ->count * sizeof *got) == 0);
  free(got), free(whole);
  tr_array_destroy(&wJ);
  tr_array_destroy(&gradient);
}

static void all_bits(tr_ctx *ctx, scene *s) {
  cuts(ctx, s);
  made_covectors(ctx, s);
  close_scene(s);
}

static void sit_bits(tr_ctx *ctx) {
  scene s, twice;
  for (int i = 0; i < 4; i++) {
    bool large = i % 2;
    open_trained_scene(ctx, large ? &scene_large : &scene_odd, i / 2 ? TR_F64 : TR_F32, large ? 5 : 59, &s);
    all_bits(ctx, &s); /* 59 rows: more than one group of samples */
  }
  for (int i = 0; i < 2; i++) {
    const scene_sizes *config = i ? &scene_large : &scene_odd;
    open_trained_scene(ctx, config, TR_F32, 8, &s);
    open_trained_scene(ctx, config, TR_F64, 8, &twice);
    precisions(ctx, &s, &twice);
    close_scene(&s);
    close_scene(&twice);
  }
  open_trained_scene(ctx, &scene_odd, TR_F64, 3, &s);
  common_conditions(ctx, &s);
  close_scene(&s);
}

static void mlp_bits(tr_ctx *ctx, int label_rows) {
  scene s, twice;
  weights *w = mlp_weights(ctx, 19, label_rows);
  for (int i = 0; i < 2; i++) {
    open_trained_mlp_scene(ctx, w, i ? TR_F64 : TR_F32, SCENE_ROWS, &s); /* more than one group of samples */
    all_bits(ctx, &s);
  }
  open_trained_mlp_scene(ctx, w, TR_F32, 8, &s);
  open_trained_mlp_scene(ctx, w, TR_F64, 8, &twice);
  precisions(ctx, &s, &twice);
  common_conditions(ctx, &twice);
  close_scene(&s);
  close_scene(&twice);
  weights_free(w);
}

static tr_status failing(void *user, int64_t first, const tr_array *f, tr_array *w) {
  (void)user, (void)w;
  return TR_FAIL(f->ctx, TR_E_ARG, "no loss at sample %lld", (long long)first);
}

static tr_status silent(void *user, int64_t first, const tr_array *f, tr_array *w) {
  (void)user, (void)first, (void)f, (void)w;
  return TR_E_DEVICE;
}

static void refused(tr_ctx *ctx) {
  scene s;
  open_trained_scene(ctx, &scene_odd, TR_F64, 2, &s);
  tr_array *g = new_gradient(ctx, s.net);
  const double late = 1.5;
  const tr_times times = scene_times(&s, 0, 2);
  const tr_cond cond = scene_cond(&s, 0, 2);
  tr_array few = tr_rows(s.x, 0, 1);
  const struct {
    tr_net_backward_args args;
    tr_status status;
    const char *word;
  } cases[] = {
      {{.w = s.w}, TR_E_ARG, "TR_GRAD_PARAMS"},
      {{.want = 8, .w = s.w}, TR_E_ARG, "TR_GRAD_PARAMS"},
      {{.want = TR_GRAD_PARAMS, .gradient = g}, TR_E_ARG, "neither"},
      {{.want = TR_GRAD_PARAMS, .w = s.w, .covector = failing, .gradient = g}, TR_E_ARG, "both"},
      {{.want = TR_GRAD_PARAMS, .w = s.w, .wJ = s.x, .gradient = g}, TR_E_ARG, "not wanted"},
      {{.want = TR_GRAD_INPUT, .w = s.w}, TR_E_ARG, "input gradient is wanted but has no room"},
      {{.want = TR_GRAD_PARAMS, .w = s.w}, TR_E_ARG, "of the parameters is wanted but has no room"},
      {{.want = TR_GRAD_INPUT, .w = s.w, .wJ = s.x, .gradient = g}, TR_E_ARG, "given room but not wanted"},
      {{.want = TR_GRAD_PARAMS, .w = s.w, .gradient = s.w}, TR_E_SHAPE, "the layout of the parameters"},
      {{.want = TR_GRAD_PARAMS, .w = &few, .gradient = g}, TR_E_SHAPE, "agree"},
      {{.want = TR_GRAD_PARAMS, .w = s.w, .f = &few, .gradient = g}, TR_E_SHAPE, "agree"},
      {{.want = TR_GRAD_PARAMS, .covector = failing, .gradient = g}, TR_E_ARG, "no loss at sample 0"},
      {{.want = TR_GRAD_PARAMS, .covector = silent, .gradient = g},
       TR_E_DEVICE,
       "what makes the covectors failed at t = "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CHECK_ERROR(ctx, tr_net_backward(s.net, times, s.x, &cond, &cases[i].args), cases[i].status,
                cases[i].word);
  CHECK_ERROR(ctx,
              tr_net_backward(s.net, (tr_times){1, &late}, s.x, &cond,
                              &(tr_net_backward_args){.want = TR_GRAD_PARAMS, .w = s.w, .gradient = g}),
              TR_E_ARG, "1.5");
  tr_array_destroy(&g);
  close_scene(&s);
}

/* The network behind a provider, which neither an exact field nor a transfer has; and one without parameters
 * to train. */
static void not_trained(tr_ctx *ctx) {
  tr_interpolant linear, gvp;
  scene s;
  tr_drift *moved;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  CHECK_OK(ctx, tr_interpolant_find(ctx, "GVP", &gvp));
  tr_drift *exact = mixture_random(ctx, &linear, TR_VELOCITY, 2, 3, 0.1, 1);
  open_scene(ctx, &scene_odd, TR_F64, 1, &s);
  CHECK_OK(ctx, tr_drift_create_transferred(s.network, &linear, &gvp, &moved));
  CHECK(tr_net_of_drift(s.network) == s.net && !tr_net_of_drift(exact) && !tr_net_of_drift(moved));
  CHECK(tr_net_params(s.net) == NULL);
  const tr_cond cond = scene_cond(&s, 0, 1);
  CHECK_ERROR(ctx,
              tr_net_backward(s.net, scene_times(&s, 0, 1), s.x, &cond,
                              &(tr_net_backward_args){.want = TR_GRAD_PARAMS, .w = s.w, .gradient = s.x}),
              TR_E_ARG, "the network sit was made without parameters");
  CHECK_ERROR(ctx, tr_net_refresh(s.net), TR_E_ARG, "the network sit was made without parameters");
  tr_drift_destroy(&moved);
  tr_drift_destroy(&exact);
  close_scene(&s);
}

/* States of another network. */
static void refused_states(tr_ctx *ctx) {
  weights *w = mlp_weights(ctx, 19, 0);
  scene small, image;
  open_mlp_scene(ctx, w, TR_F64, 2, &small);
  open_scene(ctx, &scene_odd, TR_F64, 2, &image);
  const tr_times times = scene_times(&small, 0, 2);
  const tr_cond labels = scene_cond(&image, 0, 2);
  const tr_net_backward_args wide = {.want = TR_GRAD_INPUT, .w = image.w, .wJ = image.x};
  CHECK_ERROR(ctx, tr_net_backward(small.net, times, image.x, NULL, &wide), TR_E_SHAPE,
              "takes states f64 (N, 3)");
  CHECK_ERROR(ctx, tr_net_backward(small.net, times, small.x, &labels, &wide), TR_E_ARG, "unconditional");
  CHECK_ERROR(ctx, tr_net_set_recompute(small.net, true), TR_E_ARG, "mlp keeps no activations by blocks");
  CHECK(tr_net_recomputed(small.net) == 0);
  const tr_net_backward_args flat = {.want = TR_GRAD_INPUT, .w = small.w, .wJ = small.x};
  CHECK_ERROR(ctx, tr_net_backward(image.net, times, small.x, &labels, &flat), TR_E_SHAPE, "takes latents");
  close_scene(&small);
  close_scene(&image);
  weights_free(w);
}

int main(int argc, char **argv) {
  static const char *const paths[] = {"Linear", "GVP", "VP"};
  static const char *const predictions[] = {"velocity", "noise", "score"};
  static const char *const loss_weights[] = {"none", "velocity", "likelihood"};
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  for (int i = 0; i < 27; i++) norms(ctx, paths[i / 9], predictions[i / 3 % 3], loss_weights[i % 3]);
  full(ctx);
  sit_differences(ctx);
  sit_bits(ctx);
  for (int label_rows = 0; label_rows <= 5; label_rows += 5) {
    mlp_differences(ctx, label_rows);
    mlp_bits(ctx, label_rows);
  }
  refused(ctx);
  not_trained(ctx);
  refused_states(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
