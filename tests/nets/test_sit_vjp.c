/* The input gradient of SiT networks: the reference's numbers, central differences, the forward that comes
 * with it, and rows whose bits depend on neither batch nor threads. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/problems/scene.h"

static void golden(tr_ctx *ctx, tr_dtype dtype, double tolerance) {
  tr_npz *npz = golden_open(ctx, "forward");
  tr_drift *network = golden_network(ctx, dtype, TR_VELOCITY);
  tr_array *x = golden_array(npz, "x", dtype), *w = golden_array(npz, "v", dtype);
  tr_array *times = golden_array(npz, "t", TR_F64), *f, *wJ;
  double t[8];
  int32_t labels[8];
  int n = golden_labels(ctx, npz, labels, 8);
  CHECK_OK(ctx, tr_array_get_f64(times, t));
  CHECK_OK(ctx, tr_array_like(x, &f));
  CHECK_OK(ctx, tr_array_like(x, &wJ));
  CHECK_OK(ctx, tr_drift_vjp(network, (tr_times){n, t}, x, &(tr_cond){n, labels}, w, f, wJ));
  CHECK_NEAR(golden_difference(npz, "out", f), 0, tolerance);
  CHECK_NEAR(golden_difference(npz, "vjp", wJ), 0, tolerance);
  CHECK(network->ops->caps & TR_DRIFT_VJP);
  CHECK(network->n_vjp == 1 && network->n_eval == 0);
  tr_array *const arrays[] = {x, w, times, f, wJ};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(&(tr_array *){arrays[i]});
  tr_drift_destroy(&network);
  tr_npz_close(&npz);
}

/* f, then wJ, of rows first .. first + n - 1 as one batch, read back as double. */
static double *batch(tr_ctx *ctx, const scene *s, int64_t first, int64_t n, int threads) {
  tr_array *f, *wJ;
  double *host = malloc((size_t)(2 * n * s->row) * sizeof *host);
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
  tr_array x = tr_rows(s->x, first, n);
  tr_array w = tr_rows(s->w, first, n);
  CHECK_OK(ctx, tr_array_like(&x, &f));
  CHECK_OK(ctx, tr_array_like(&x, &wJ));
  CHECK_OK(ctx, tr_drift_vjp(s->network, (tr_times){n, s->times + first}, &x,
                             &(tr_cond){n, s->labels + first}, &w, f, wJ));
  CHECK_OK(ctx, tr_array_get_f64(f, host));
  CHECK_OK(ctx, tr_array_get_f64(wJ, host + n * s->row));
  tr_array_destroy(&f);
  tr_array_destroy(&wJ);
  return host;
}

/* w' f at x + h e_k for every row. */
static void shifted(tr_ctx *ctx, const scene *s, double *x, const double *w, int64_t k, double h,
                    double *result) {
  tr_array *moved, *f;
  double *host = malloc((size_t)(s->rows * s->row) * sizeof *host);
  CHECK_OK(ctx, tr_array_like(s->x, &moved));
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  for (int64_t r = 0; r < s->rows; r++) x[r * s->row + k] += h;
  CHECK_OK(ctx, tr_array_set_f64(moved, x));
  for (int64_t r = 0; r < s->rows; r++) x[r * s->row + k] -= h;
  CHECK_OK(ctx, tr_drift_eval(s->network, (tr_times){s->rows, s->times}, moved,
                              &(tr_cond){s->rows, s->labels}, f));
  CHECK_OK(ctx, tr_array_get_f64(f, host));
  for (int64_t r = 0; r < s->rows; r++) result[r] = scene_dot(w + r * s->row, host + r * s->row, s->row);
  free(host);
  tr_array_destroy(&moved);
  tr_array_destroy(&f);
}

/* Every `stride`-th element of the gradient; h^2 and rounding / h leave 1e-8. */
static void central_differences(tr_ctx *ctx, const scene_sizes *config, int64_t stride) {
  enum { ROWS = 2 };
  const double h = 1e-4;
  scene s;
  open_scene(ctx, config, TR_F64, ROWS, &s);
  int64_t count = ROWS * s.row;
  double *x = malloc((size_t)count * sizeof *x), *w = malloc((size_t)count * sizeof *w);
  double *both = batch(ctx, &s, 0, ROWS, 2), *gradient = both + count, size = 0;
  CHECK_OK(ctx, tr_array_get_f64(s.x, x));
  CHECK_OK(ctx, tr_array_get_f64(s.w, w));
  for (int64_t i = 0; i < count; i++) size = fmax(size, fabs(gradient[i]));
  CHECK(size > 0.01 && size < 1e3);
  for (int64_t k = 0; k < s.row; k += stride) {
    double above[ROWS], below[ROWS];
    shifted(ctx, &s, x, w, k, h, above);
    shifted(ctx, &s, x, w, k, -h, below);
    for (int64_t r = 0; r < ROWS; r++)
      CHECK_NEAR(gradient[r * s.row + k], (above[r] - below[r]) / (2 * h), 1e-7 * size);
  }
  free(x), free(w), free(both);
  close_scene(&s);
}

static void rows_independent(tr_ctx *ctx, const scene_sizes *config, tr_dtype dtype, int64_t rows) {
  if (!promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) return;
  static const struct {
    int64_t first, n;
    int threads;
  } batches[] = {{0, 1, 1}, {1, 1, 2}, {3, 1, 3}, {2, 5, 1}, {0, 5, 2}, {1, 7, 1}};
  scene s;
  open_scene(ctx, config, dtype, rows, &s);
  double *all = batch(ctx, &s, 0, rows, 1), *wJ = all + rows * s.row;
  for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
    int64_t count = batches[i].n * s.row, from = batches[i].first * s.row;
    double *part = batch(ctx, &s, batches[i].first, batches[i].n, batches[i].threads);
    CHECK(memcmp(part, all + from, (size_t)count * sizeof *part) == 0);
    CHECK(memcmp(part + count, wJ + from, (size_t)count * sizeof *part) == 0);
    free(part);
  }
  double *again = batch(ctx, &s, 0, rows, 2);
  CHECK(memcmp(again, all, (size_t)(2 * rows * s.row) * sizeof *again) == 0);
  free(again);
  free(all);
  close_scene(&s);
}

/* f is what eval gives; one time and one label for all rows means the same as giving them to each row. */
static void forward_and_conditions(tr_ctx *ctx, const scene_sizes *config, tr_dtype dtype) {
  enum { ROWS = 3 };
  scene s;
  open_scene(ctx, config, dtype, ROWS, &s);
  const double t = 0.3, every[ROWS] = {t, t, t};
  const int32_t null = config->null_class, nulls[ROWS] = {null, null, null};
  tr_array *f, *wJ;
  CHECK_OK(ctx, tr_array_like(s.x, &f));
  CHECK_OK(ctx, tr_array_like(s.x, &wJ));
  size_t bytes = (size_t)f->count * sizeof(double);
  double *eval = malloc(bytes), *got = malloc(bytes), *common = malloc(bytes);
  for (int i = 0; i < 2; i++) {
    const tr_times times = {i ? ROWS : 1, i ? every : &t};
    const tr_cond cond = {i ? ROWS : 1, i ? nulls : &null};
    CHECK_OK(ctx, tr_drift_eval(s.network, times, s.x, &cond, f));
    CHECK_OK(ctx, tr_array_get_f64(f, eval));
    CHECK_OK(ctx, tr_fill(0, f));
    CHECK_OK(ctx, tr_drift_vjp(s.network, times, s.x, &cond, s.w, f, wJ));
    CHECK_OK(ctx, tr_array_get_f64(f, got));
    CHECK(memcmp(got, eval, bytes) == 0);
    CHECK_OK(ctx, tr_array_get_f64(wJ, i ? got : common));
  }
  CHECK(memcmp(got, common, bytes) == 0);
  free(eval), free(got), free(common);
  tr_array_destroy(&f);
  tr_array_destroy(&wJ);
  close_scene(&s);
}

/* Keeping activations and computing them again: the same bits. */
static void recomputed(tr_ctx *ctx, const scene_sizes *config, tr_dtype dtype, int64_t rows) {
  scene s;
  open_scene(ctx, config, dtype, rows, &s);
  double *kept = batch(ctx, &s, 0, rows, 1);
  CHECK_OK(ctx, tr_net_set_recompute(s.net, true));
  double *again = batch(ctx, &s, 0, rows, 2);
  CHECK(memcmp(kept, again, (size_t)(2 * rows * s.row) * sizeof *kept) == 0);
  CHECK(s.network->n_forward == 2 && tr_net_recomputed(s.net) == 1);
  free(kept), free(again);
  close_scene(&s);
}

/* More probes than go back together: the bits of probes alone, in bounded memory; 2 samples in one group. */
static void many_probes(tr_ctx *ctx) {
  enum { R = 514, ROWS = 2 };
  const int64_t which[] = {0, 511, 512, R - 1};
  scene s;
  tr_array *w, *wJ, *f;
  open_scene(ctx, &scene_large, TR_F64, ROWS, &s);
  const int64_t tokens = (int64_t)scene_large.grid * scene_large.grid, together = (int64_t)64 << 20;
  const int64_t of_probe = ROWS * tokens * scene_large.hidden * (int64_t)sizeof(double);
  CHECK(512 * of_probe == together);
  const tr_times times = scene_times(&s, 0, ROWS);
  const tr_cond cond = scene_cond(&s, 0, ROWS);
  int64_t shape[] = {R, ROWS, scene_large.channels, s.x->shape[2], s.x->shape[3]};
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 5, shape, &w));
  CHECK_OK(ctx, tr_array_like(w, &wJ));
  CHECK_OK(ctx, tr_array_like(s.x, &f));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.seed = 9, .purpose = TR_RANDOM_TEST}, w));
  int64_t before = tr_ctx_memory(ctx);
  CHECK_OK(ctx, tr_drift_vjp_multi(s.network, times, s.x, &cond, w, f, wJ));
  if (promises(ctx, TR_BACKEND_SUMS_IN_ORDER)) /* a device works on all of them at once */
    CHECK(tr_ctx_memory(ctx) - before > together && tr_ctx_memory(ctx) - before < together + (16 << 20));
  double *got = malloc((size_t)f->count * sizeof *got), *want = malloc((size_t)f->count * sizeof *want);
  for (size_t i = 0; got && want && i < sizeof which / sizeof *which; i++) {
    tr_array covector = tr_view(w, which[i] * f->count, 4, f->shape);
    tr_array product = tr_view(wJ, which[i] * f->count, 4, f->shape);
    CHECK_OK(ctx, tr_array_get_f64(&product, got));
    CHECK_OK(ctx, tr_drift_vjp(s.network, times, s.x, &cond, &covector, f, &product));
    CHECK_OK(ctx, tr_array_get_f64(&product, want));
    CHECK(memcmp(got, want, (size_t)f->count * sizeof *got) == 0);
  }
  /* Activations are computed again for each of the two parts that go back. */
  CHECK_OK(ctx, tr_net_set_recompute(s.net, true));
  CHECK_OK(ctx, tr_drift_vjp_multi(s.network, times, s.x, &cond, w, f, wJ));
  CHECK(tr_net_recomputed(s.net) == 2);
  free(got), free(want);
  tr_array_destroy(&w), tr_array_destroy(&wJ), tr_array_destroy(&f);
  close_scene(&s);
}

/* Computing them again holds less, by the inputs of the layers of every block but one, for a group's rows. */
static void less_memory(tr_ctx *ctx, tr_dtype dtype) {
  enum { ROWS = 20 };
  scene_sizes deep = scene_odd;
  int64_t held[2], tokens = (int64_t)deep.grid * deep.grid;
  deep.depth = 7;
  for (int i = 0; i < 2; i++) {
    scene s;
    open_scene(ctx, &deep, dtype, ROWS, &s);
    int64_t before = tr_ctx_memory(ctx);
    CHECK_OK(ctx, tr_net_set_recompute(s.net, i));
    free(batch(ctx, &s, 0, ROWS, 1));
    held[i] = tr_ctx_memory(ctx) - before;
    CHECK(held[i] > 0 && tr_ctx_memory_peak(ctx) >= tr_ctx_memory(ctx));
    close_scene(&s);
  }
  const int64_t most = tr_nn_rows_at_once(ctx, true, 1) / tokens, group = most < 1 ? 1 : most;
  int64_t inputs = (group < ROWS ? group : ROWS) * tokens * (5 * deep.hidden + deep.mlp_hidden) *
                   (int64_t)tr_dtype_size(dtype);
  CHECK(held[0] - held[1] >= (deep.depth - 1) * inputs);
}

/* Slopes of the activations against central differences of a linear layer that is the identity. */
static void activations(tr_ctx *ctx) {
  enum { N = 37 };
  static const tr_nn_activation kinds[] = {TR_NN_IDENTITY, TR_NN_SILU, TR_NN_GELU_TANH};
  const double h = 1e-5;
  double identity[N * N] = {0}, v[N], moved[N], above[N], below[N], slope[N];
  tr_array *w, *x, *y, *one;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){N, N}, &w));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, N}, &x));
  CHECK_OK(ctx, tr_array_like(x, &y));
  CHECK_OK(ctx, tr_array_like(x, &one));
  for (int i = 0; i < N; i++) identity[i * N + i] = 1, v[i] = (i - 18) / 3.0;
  CHECK_OK(ctx, tr_array_set_f64(w, identity));
  tr_nn_weight *weight = weight_of(w, w->dtype);
  CHECK_OK(ctx, tr_fill(2, one));
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    for (int side = -1; side <= 1; side += 2) {
      for (int i = 0; i < N; i++) moved[i] = v[i] + side * h;
      CHECK_OK(ctx, tr_array_set_f64(x, moved));
      CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = weight, .activation = kinds[k], .y = y}));
      CHECK_OK(ctx, tr_array_get_f64(y, side < 0 ? below : above));
    }
    CHECK_OK(ctx, tr_array_set_f64(x, v));
    CHECK_OK(ctx, tr_nn_activation_backward(
                      &(tr_nn_activation_backward_args){.activation = kinds[k], .v = x, .dy = one, .dv = y}));
    CHECK_OK(ctx, tr_array_get_f64(y, slope));
    for (int i = 0; i < N; i++) CHECK_NEAR(slope[i], (above[i] - below[i]) / h, 1e-8);
  }
  tr_nn_weight_destroy(&weight);
  tr_array_destroy(&w);
  tr_array_destroy(&x);
  tr_array_destroy(&y);
  tr_array_destroy(&one);
}

static void refused(tr_ctx *ctx, const scene_sizes *config) {
  scene s;
  open_scene(ctx, config, TR_F32, 2, &s);
  tr_array *f, *wide, *tokens, *other, *few;
  const tr_times times = {1, s.times};
  const tr_cond label = {1, s.labels};
  CHECK_OK(ctx, tr_array_like(s.x, &f));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, s.x->shape, &wide));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){6, 12}, &tokens));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){6, 36}, &other));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){4, 12}, &few));
  CHECK_ERROR(ctx, tr_drift_vjp(s.network, times, s.x, &label, wide, f, f), TR_E_SHAPE, "the covector");
  CHECK_ERROR(ctx, tr_drift_vjp(s.network, times, s.x, &label, s.w, f, wide), TR_E_SHAPE, "the product");
  CHECK_ERROR(ctx, tr_drift_vjp(s.network, times, wide, &label, wide, wide, wide), TR_E_SHAPE, "f64");
  CHECK_ERROR(ctx,
              tr_nn_attention_backward(&(tr_nn_attention_backward_args){
                  .qkv = other, .samples = 2, .heads = 5, .dy = tokens, .dqkv = other}),
              TR_E_SHAPE, "backward of attention");
  CHECK_ERROR(ctx,
              tr_nn_attention_backward(&(tr_nn_attention_backward_args){
                  .qkv = other, .samples = 2, .heads = 3, .dy = tokens, .dqkv = other}),
              TR_E_SHAPE, "backward of attention");
  CHECK_ERROR(ctx, tr_nn_gate(&(tr_nn_gate_args){.x = tokens, .gate = {few, 0}, .y = tokens}), TR_E_SHAPE,
              "a gate");
  CHECK_ERROR(ctx, tr_nn_gate(&(tr_nn_gate_args){.x = tokens, .gate = {NULL, 0}, .y = tokens}), TR_E_ARG,
              "gate.table of a gate");
  CHECK_ERROR(ctx,
              tr_nn_activation_backward(&(tr_nn_activation_backward_args){
                  .activation = TR_NN_SILU, .v = tokens, .dy = few, .dv = tokens}),
              TR_E_SHAPE, "an activation");
  CHECK_ERROR(ctx,
              tr_nn_norm_backward(
                  &(tr_nn_norm_backward_args){.x = tokens, .scale = {tokens, 0}, .dy = tokens, .dx = tokens}),
              TR_E_SHAPE, "a layer norm");
  CHECK_ERROR(
      ctx, tr_nn_patchify_adjoint(&(tr_nn_patchify_adjoint_args){.tokens = tokens, .patch = 2, .latents = f}),
      TR_E_SHAPE, "cutting into patches");
  CHECK_ERROR(
      ctx,
      tr_nn_unpatchify_adjoint(&(tr_nn_unpatchify_adjoint_args){.latents = f, .patch = 2, .tokens = tokens}),
      TR_E_SHAPE, "joining patches");
  tr_array *const arrays[] = {f, wide, tokens, other, few};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(&(tr_array *){arrays[i]});
  close_scene(&s);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  scene_sizes many = scene_odd; /* more queries than a tile of attention, not a multiple of it */
  many.patch = 1, many.grid = 9;
  golden(ctx, TR_F64, 1e-10);
  golden(ctx, TR_F32, 1e-4);
  activations(ctx);
  central_differences(ctx, &scene_odd, 1);
  central_differences(ctx, &many, 5);
  for (int i = 0; i < 2; i++) {
    tr_dtype dtype = i ? TR_F64 : TR_F32;
    rows_independent(ctx, &scene_odd, dtype, 59); /* more than one group of samples */
    rows_independent(ctx, &many, dtype, 8);
    if (!emulated(ctx)) rows_independent(ctx, &scene_large, dtype, 8);
    recomputed(ctx, &scene_odd, dtype, 59);
    recomputed(ctx, &many, dtype, 3);
    less_memory(ctx, dtype);
    forward_and_conditions(ctx, &scene_odd, dtype);
    if (!emulated(ctx)) forward_and_conditions(ctx, &scene_large, dtype);
  }
  refused(ctx, &scene_odd);
  if (!emulated(ctx)) many_probes(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
