/* Forward mode, and several covectors behind one forward, of SiT networks: against the vector-Jacobian
 * product, central differences, and bit for bit for any batch and number of threads. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/problems/scene.h"
#include "transport/guidance.h"

enum { PROBES = 5 };

static tr_array *state_like(const tr_array *x, uint64_t seed) {
  tr_array *a;
  CHECK_OK(x->ctx, tr_array_like(x, &a));
  CHECK_OK(x->ctx, tr_randn(&(tr_random_address){.seed = seed, .purpose = TR_RANDOM_TEST}, a));
  return a;
}

/* w' (J v) = (w' J) v for every row, relative to |w| |J v|. */
static void check_adjoint(const scene *s, tr_drift *drift, double tolerance) {
  tr_array *v = state_like(s->x, 8), *f = state_like(s->x, 1), *wJ = state_like(s->x, 1),
           *Jv = state_like(s->x, 1);
  tr_times times = scene_times(s, 0, s->rows);
  tr_cond cond = scene_cond(s, 0, s->rows);
  CHECK_OK(drift->ctx, tr_drift_vjp(drift, times, s->x, &cond, s->w, f, wJ));
  CHECK_OK(drift->ctx, tr_drift_jvp(drift, times, s->x, &cond, v, Jv));
  double *hw = values(s->w), *hv = values(v), *hwJ = values(wJ), *hJv = values(Jv);
  for (int64_t r = 0; r < s->rows; r++) {
    const double *w = hw + r * s->row, *Jvr = hJv + r * s->row;
    double size = sqrt(scene_dot(w, w, s->row) * scene_dot(Jvr, Jvr, s->row));
    CHECK(size > 0.1);
    CHECK_NEAR(scene_dot(w, Jvr, s->row), scene_dot(hwJ + r * s->row, hv + r * s->row, s->row),
               tolerance * size);
  }
  free(hw), free(hv), free(hwJ), free(hJv);
  tr_array *const arrays[] = {v, f, wJ, Jv};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(&(tr_array *){arrays[i]});
}

static void adjoint(tr_ctx *ctx, const scene_sizes *config, tr_dtype dtype, double tolerance) {
  scene s;
  open_scene(ctx, config, dtype, 3, &s);
  CHECK(s.network->ops->caps & TR_DRIFT_JVP);
  check_adjoint(&s, s.network, tolerance);
  CHECK(s.network->n_vjp == 1 && s.network->n_jvp == 1 && s.network->n_forward == 2);
  close_scene(&s);
}

/* J v against (f(x + h v) - f(x - h v)) / 2 h; h^2 and rounding / h leave 1e-8. */
static void central_differences(tr_ctx *ctx, const scene_sizes *config) {
  enum { ROWS = 2 };
  const double h = 1e-5;
  scene s;
  open_scene(ctx, config, TR_F64, ROWS, &s);
  tr_array *v = state_like(s.x, 8), *moved = state_like(s.x, 1), *Jv = state_like(s.x, 1);
  tr_array *side[2] = {state_like(s.x, 1), state_like(s.x, 1)};
  tr_times times = scene_times(&s, 0, ROWS);
  tr_cond cond = scene_cond(&s, 0, ROWS);
  for (int i = 0; i < 2; i++) {
    CHECK_OK(ctx, tr_axpby(1, s.x, i ? -h : h, v, moved));
    CHECK_OK(ctx, tr_drift_eval(s.network, times, moved, &cond, side[i]));
  }
  CHECK_OK(ctx, tr_axpby(0.5 / h, side[0], -0.5 / h, side[1], moved));
  CHECK_OK(ctx, tr_drift_jvp(s.network, times, s.x, &cond, v, Jv));
  double *got = values(Jv), *want = values(moved);
  CHECK(check_relative(got, want, Jv->count) < 1e-7);
  free(got), free(want);
  tr_array *const arrays[] = {v, moved, Jv, side[0], side[1]};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(&(tr_array *){arrays[i]});
  close_scene(&s);
}

static double *jvp_batch(tr_ctx *ctx, const scene *s, int64_t first, int64_t n, int threads) {
  tr_array *Jv;
  tr_cond cond = scene_cond(s, first, n);
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
  tr_array x = tr_rows(s->x, first, n);
  tr_array v = tr_rows(s->w, first, n);
  CHECK_OK(ctx, tr_array_like(&x, &Jv));
  CHECK_OK(ctx, tr_drift_jvp(s->network, scene_times(s, first, n), &x, &cond, &v, Jv));
  double *host = values(Jv);
  tr_array_destroy(&Jv);
  return host;
}

static void rows_independent(tr_ctx *ctx, const scene_sizes *config, tr_dtype dtype, int64_t rows) {
  if (!promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) return;
  scene s;
  open_scene(ctx, config, dtype, rows, &s);
  double *all = jvp_batch(ctx, &s, 0, rows, 1);
  for (int64_t i = 0; i < 4; i++) {
    int64_t first = i % 3, n = i == 3 ? rows - 1 : 1 + 2 * i;
    first = first + n > rows ? rows - n : first;
    double *part = jvp_batch(ctx, &s, first, n, 1 + (int)i % 3);
    CHECK(memcmp(part, all + first * s.row, (size_t)(n * s.row) * sizeof *part) == 0);
    free(part);
  }
  free(all);
  close_scene(&s);
}

/* PROBES covectors of a batch: (PROBES, rows, ...). */
static tr_array *stack(const tr_array *x, uint64_t seed) {
  tr_array *a;
  int64_t shape[] = {PROBES, x->shape[0], x->shape[1], x->shape[2], x->shape[3]};
  CHECK_OK(x->ctx, tr_array_create(x->ctx, x->dtype, 5, shape, &a));
  CHECK_OK(x->ctx, tr_randn(&(tr_random_address){.seed = seed, .purpose = TR_RANDOM_TEST}, a));
  return a;
}

/* All probes of rows first .. first + n - 1 at once: f and the products as vjp gives them, bit for bit. */
static void as_single(tr_ctx *ctx, scene *s, tr_drift *drift, const tr_array *w, int64_t first, int64_t n) {
  tr_array *f, *single_f, *single;
  tr_times times = scene_times(s, first, n);
  tr_cond cond = scene_cond(s, first, n);
  tr_array x = tr_rows(s->x, first, n);
  CHECK_OK(ctx, tr_array_like(&x, &f));
  CHECK_OK(ctx, tr_array_like(&x, &single_f));
  CHECK_OK(ctx, tr_array_like(&x, &single));
  tr_array *part = stack(&x, 1), *products = stack(&x, 1);
  for (int64_t r = 0; r < PROBES; r++) {
    tr_array from = tr_view(w, (r * s->rows + first) * s->row, 4, x.shape);
    tr_array to = tr_view(part, r * n * s->row, 4, x.shape);
    CHECK_OK(ctx, tr_array_copy(&from, &to));
  }
  long forwards = drift->n_forward, of_network = s->network->n_forward, covectors = drift->n_vjp;
  long spent = drift->ops->vjp_multi ? 1 : PROBES;
  CHECK_OK(ctx, tr_drift_vjp_multi(drift, times, &x, &cond, part, f, products));
  CHECK(drift->n_forward == forwards + spent && s->network->n_forward == of_network + spent);
  CHECK(drift->n_vjp == covectors + PROBES);
  double *got_f = values(f), *got = values(products);
  for (int64_t r = 0; r < PROBES; r++) {
    tr_array one = tr_view(part, r * n * s->row, 4, x.shape);
    CHECK_OK(ctx, tr_drift_vjp(drift, times, &x, &cond, &one, single_f, single));
    double *want_f = values(single_f), *want = values(single);
    CHECK(memcmp(got_f, want_f, (size_t)(n * s->row) * sizeof *want_f) == 0);
    CHECK(memcmp(got + r * n * s->row, want, (size_t)(n * s->row) * sizeof *want) == 0);
    free(want_f), free(want);
  }
  free(got_f), free(got);
  tr_array *const arrays[] = {f, single_f, single, part, products};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(&(tr_array *){arrays[i]});
}

static void several_probes(tr_ctx *ctx, const scene_sizes *config, tr_dtype dtype, int64_t rows) {
  if (!promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) return;
  scene s;
  open_scene(ctx, config, dtype, rows, &s);
  CHECK(s.network->ops->caps & TR_DRIFT_VJP_MULTI);
  tr_array *w = stack(s.x, 9);
  for (int threads = 1; threads <= 3; threads++) {
    CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
    as_single(ctx, &s, s.network, w, threads == 2, threads == 1 ? rows : threads == 2 ? 1 : rows - 1);
  }
  tr_array_destroy(&w);
  close_scene(&s);
}

/* ---- around the network ---- */

/* A guide has the products of its network: several probes behind one forward, of any batch after another one.
 */
static void guided_products(tr_ctx *ctx, const tr_guidance *guidance) {
  enum { ROWS = 3 };
  scene s;
  tr_drift *guided;
  open_scene(ctx, &scene_odd, TR_F64, ROWS, &s);
  tr_array *w = stack(s.x, 9);
  CHECK_OK(ctx, tr_drift_create_guided(s.network, guidance, &guided));
  CHECK(guided->ops->caps == (s.network->ops->caps & ~(unsigned)TR_DRIFT_VJP_PASSES));
  as_single(ctx, &s, guided, w, 0, ROWS);
  as_single(ctx, &s, guided, w, 1, 1);
  check_adjoint(&s, guided, 1e-13);
  tr_array_destroy(&w);
  tr_drift_destroy(&guided);
  close_scene(&s);
}

/* Without vjp_multi, and in a guide around such a provider: as many forwards as covectors, and it says so. */
static void one_by_one(tr_ctx *ctx) {
  scene s;
  tr_drift *guided;
  open_scene(ctx, &scene_odd, TR_F64, 2, &s);
  const tr_drift_ops *whole = s.network->ops;
  tr_drift_ops ops = *whole;
  tr_array *w = stack(s.x, 9);
  ops.caps &= ~(unsigned)TR_DRIFT_VJP_MULTI;
  ops.vjp_multi = NULL;
  s.network->ops = &ops;
  CHECK_OK(ctx, tr_drift_create_guided(s.network, &(tr_guidance){2, 0, 0, 1}, &guided));
  CHECK(!(guided->ops->caps & TR_DRIFT_VJP_MULTI) && !guided->ops->vjp_multi);
  as_single(ctx, &s, s.network, w, 0, 2);
  as_single(ctx, &s, guided, w, 0, 2);
  s.network->ops = whole;
  tr_array_destroy(&w);
  tr_drift_destroy(&guided);
  close_scene(&s);
}

static void refused(tr_ctx *ctx) {
  scene s;
  open_scene(ctx, &scene_odd, TR_F32, 2, &s);
  tr_array *f = state_like(s.x, 1), *w = stack(s.x, 1), *wide;
  tr_times times = scene_times(&s, 0, 1);
  tr_cond cond = scene_cond(&s, 0, 1);
  tr_array few = tr_rows(w, 0, 2);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, s.x->shape, &wide));
  CHECK_ERROR(ctx, tr_drift_jvp(s.network, times, s.x, &cond, wide, f), TR_E_SHAPE, "the vector");
  CHECK_ERROR(ctx, tr_drift_vjp_multi(s.network, times, s.x, &cond, s.w, f, w), TR_E_SHAPE, "the covectors");
  CHECK_ERROR(ctx, tr_drift_vjp_multi(s.network, times, s.x, &cond, w, f, &few), TR_E_SHAPE, "the products");
  tr_array *tokens, *qkv;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){6, 12}, &tokens));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){6, 36}, &qkv));
  CHECK_ERROR(ctx,
              tr_nn_attention_jvp(&(tr_nn_attention_jvp_args){
                  .qkv = qkv, .v = tokens, .samples = 2, .heads = 3, .y = tokens}),
              TR_E_SHAPE, "tangent of attention");
  CHECK_ERROR(ctx, tr_nn_activate(&(tr_nn_activate_args){.activation = TR_NN_SILU, .v = tokens, .y = qkv}),
              TR_E_SHAPE, "an activation");
  CHECK_ERROR(
      ctx, tr_nn_norm_jvp(&(tr_nn_norm_jvp_args){.x = tokens, .scale = {qkv, 0}, .v = tokens, .y = tokens}),
      TR_E_SHAPE, "tangent of a layer norm");
  CHECK(s.network->n_jvp == 0 && s.network->n_vjp == 0 && s.network->n_forward == 0);
  tr_array *const arrays[] = {f, w, wide, tokens, qkv};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(&(tr_array *){arrays[i]});
  close_scene(&s);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  scene_sizes many = scene_odd; /* more queries than a tile of attention, not a multiple of it */
  many.patch = 1, many.grid = 9;
  for (int i = 0; i < 2; i++) {
    tr_dtype dtype = i ? TR_F64 : TR_F32;
    double tolerance = i ? 1e-13 : 1e-5;
    adjoint(ctx, &scene_odd, dtype, tolerance);
    adjoint(ctx, &many, dtype, tolerance);
    rows_independent(ctx, &scene_odd, dtype, 59); /* more than one group of samples */
    if (!emulated(ctx)) rows_independent(ctx, &scene_large, dtype, 5);
    several_probes(ctx, &scene_odd, dtype, 4);  /* several probes at a time */
    several_probes(ctx, &scene_odd, dtype, 59); /* one at a time in more than one group */
    several_probes(ctx, &many, dtype, 3);
  }
  central_differences(ctx, &scene_odd);
  central_differences(ctx, &many);
  guided_products(ctx, &(tr_guidance){2.5, 0, 0, 1});
  guided_products(ctx, &(tr_guidance){2.5, 1, 0, 1});
  guided_products(ctx, &(tr_guidance){2.5, 0, 0.999, 1}); /* outside: the class alone */
  one_by_one(ctx);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
