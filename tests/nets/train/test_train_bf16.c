/* Networks whose products have operands in bf16: near the f64 ones, but not nearer than bf16 is; the same
 * bits for any number of threads, cut and recomputation; trained by parameters that stay in f32. */
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/vec/vec.h"
#include "nets/train/trainer.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

enum { STEPS = 20, ROWS = 4 };

/* ---- one pass ---- */

typedef struct {
  tr_array *f, *wJ, *gradient;
  double *values[3];
} pass;

/* What the same operations gave, fused in other ways: the same bits, or as near as bf16 is to itself. */
static void agree(const tr_ctx *ctx, const double *got, const double *want, int64_t n) {
  if (promises(ctx, TR_BACKEND_FUSED_BITS))
    CHECK(memcmp(got, want, (size_t)n * sizeof *got) == 0);
  else
    CHECK(check_rms(got, want, n) < 1e-2);
}

static pass run(tr_ctx *ctx, const tr_net_options *options, bool recompute, int threads) {
  pass p = {0};
  int64_t shape[TR_MAX_DIMS];
  static const double t[ROWS] = {0.1, 0.4, 0.6, 0.9};
  static const int32_t labels[ROWS] = {0, 1, 2, 1};
  const tr_cond cond = {ROWS, labels};
  tr_net *net = golden_net(ctx, options);
  tr_array *x, *w;
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
  CHECK_OK(ctx, tr_net_set_recompute(net, recompute));
  const int ndim = tr_net_states(tr_net_info_of(net), ROWS, shape);
  CHECK_OK(ctx, tr_array_create(ctx, options->dtype, ndim, shape, &x));
  CHECK_OK(ctx, tr_array_like(x, &w));
  CHECK_OK(ctx, tr_array_like(x, &p.f));
  CHECK_OK(ctx, tr_array_like(x, &p.wJ));
  CHECK_OK(ctx, tr_params_like(tr_net_params(net), &p.gradient));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.seed = 5, .purpose = TR_RANDOM_TEST}, x));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.seed = 6, .purpose = TR_RANDOM_TEST}, w));
  CHECK_OK(ctx, tr_fill(0, p.gradient));
  CHECK_OK(
      ctx,
      tr_net_backward(
          net, (tr_times){ROWS, t}, x, &cond,
          &(tr_net_backward_args){
              .want = TR_GRAD_INPUT | TR_GRAD_PARAMS, .w = w, .f = p.f, .wJ = p.wJ, .gradient = p.gradient}));
  tr_array *again;
  CHECK_OK(ctx, tr_array_like(x, &again));
  CHECK_OK(ctx, tr_net_forward(net, (tr_times){ROWS, t}, x, &cond, again));
  double *forward = values(again);
  p.values[0] = values(p.f), p.values[1] = values(p.wJ), p.values[2] = values(p.gradient);
  agree(ctx, forward, p.values[0], p.f->count);
  free(forward);
  tr_array_destroy(&again), tr_array_destroy(&x), tr_array_destroy(&w);
  tr_net_destroy(&net);
  return p;
}

static const tr_array *result_of(const pass *p, int i) {
  return i == 0 ? p->f : i == 1 ? p->wJ : p->gradient;
}

static void close_pass(pass *p) {
  for (int i = 0; i < 3; i++) free(p->values[i]);
  tr_array_destroy(&p->f), tr_array_destroy(&p->wJ), tr_array_destroy(&p->gradient);
}

static void near_f64(tr_ctx *ctx) {
  const tr_net_options wide = {.dtype = TR_F64, .trained = true},
                       half = {.dtype = TR_F32, .trained = true, .products = TR_NN_BF16};
  pass full = run(ctx, &wide, false, 1), bf16 = run(ctx, &half, false, 1);
  for (int i = 0; i < 3; i++) {
    double apart = check_rms(bf16.values[i], full.values[i], result_of(&full, i)->count);
    CHECK(apart > 3e-4 && apart < 1.5e-2);
  }
  for (int k = 0; k < 2; k++) {
    pass other = run(ctx, &half, k > 0, 2 + k);
    for (int i = 0; i < 3; i++) agree(ctx, other.values[i], bf16.values[i], result_of(&bf16, i)->count);
    close_pass(&other);
  }
  close_pass(&full), close_pass(&bf16);
}

/* ---- training ---- */

static tr_trainer *trainer_of(tr_ctx *ctx, tr_net *net, int64_t rows_at_once) {
  tr_trainer_options o;
  tr_trainer *trainer;
  tr_trainer_defaults(&o);
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &o.loss.interpolant));
  CHECK_OK(ctx, tr_prediction_find(ctx, "velocity", &o.loss.prediction));
  CHECK_OK(ctx, tr_loss_weight_find(ctx, "none", &o.loss.weight));
  o.schedule.rate = 1e-3, o.decay = 0.01, o.keep[0] = 0.99, o.batch = ROWS, o.rows_at_once = rows_at_once;
  CHECK_OK(ctx, tr_trainer_create(net, &o, &trainer));
  return trainer;
}

/* The reference's twenty steps: losses in f64 are stored. Returns the parameters behind them, in f32. */
static double *twenty_steps(tr_ctx *ctx, int64_t rows_at_once, double tolerance) {
  tr_npz *npz = golden_open(ctx, "train20");
  tr_array *x1 = golden_array(npz, "x1", TR_F32), *x0 = golden_array(npz, "x0", TR_F32),
           *times = golden_array(npz, "t", TR_F64), *stored = golden_array(npz, "losses", TR_F64);
  double *t = values(times), *losses = values(stored);
  int32_t labels[STEPS * ROWS];
  CHECK(golden_labels(ctx, npz, labels, STEPS * ROWS) == STEPS * ROWS);
  tr_net *net = golden_net(ctx, &(tr_net_options){.dtype = TR_F32, .trained = true, .products = TR_NN_BF16});
  tr_trainer *trainer = trainer_of(ctx, net, rows_at_once);
  for (int k = 0; k < STEPS; k++) {
    tr_train_report report;
    const int64_t step = x1->count / STEPS;
    tr_array data = tr_view(x1, k * step, x1->ndim - 1, x1->shape + 1),
             noise = tr_view(x0, k * step, x0->ndim - 1, x0->shape + 1);
    CHECK_OK(ctx, tr_trainer_step(trainer, &(tr_train_batch){&data, labels + ROWS * k, &noise, t + ROWS * k},
                                  &report));
    CHECK_NEAR(report.loss, losses[k], tolerance * losses[k]);
  }
  tr_array *p = tr_params_values(tr_net_params(net));
  CHECK(p->dtype == TR_F32 && tr_net_products(net) == TR_NN_BF16);
  double *host = values(p);
  bool fine = false; /* more than bf16 holds */
  for (int64_t i = 0; i < p->count && !fine; i++) {
    float v = (float)host[i];
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    fine = bits & 0xFFFF;
  }
  CHECK(fine);
  tr_trainer_destroy(&trainer);
  tr_net_destroy(&net);
  free(t), free(losses);
  tr_array_destroy(&x1), tr_array_destroy(&x0), tr_array_destroy(&times), tr_array_destroy(&stored);
  tr_npz_close(&npz);
  return host;
}

static void training(tr_ctx *ctx) {
  tr_net *net = golden_net(ctx, &(tr_net_options){.dtype = TR_F32, .trained = true});
  const size_t bytes = (size_t)tr_params_values(tr_net_params(net))->count * sizeof(double);
  tr_net_destroy(&net);
  double *whole = twenty_steps(ctx, 0, 5e-3), *cut = twenty_steps(ctx, 1, 5e-3);
  if (promises(ctx, TR_BACKEND_SUMS_IN_ORDER)) CHECK(memcmp(whole, cut, bytes) == 0);
  free(whole), free(cut);
}

/* ---- what else there is to say ---- */

static void drift_says(tr_ctx *ctx) {
  tr_net *net = golden_net(ctx, &(tr_net_options){.dtype = TR_F32, .products = TR_NN_BF16});
  tr_drift *drift;
  CHECK(tr_net_products(NULL) == TR_NN_FULL);
  CHECK_OK(ctx, tr_drift_take_net(&net, TR_VELOCITY, &drift));
  CHECK(drift->rel_noise == 4e-3);
  tr_drift_destroy(&drift);
}

static void refused(tr_ctx *ctx) {
  const tr_net_size sizes[] = {{"channels", 1}, {"latent_size", 4}, {"num_classes", 2}};
  const tr_net_options bad[] = {{.dtype = TR_F64, .products = TR_NN_BF16},
                                {.dtype = TR_F32, .products = (tr_nn_products)9}};
  tr_net *net;
  for (int i = 0; i < 2; i++)
    CHECK_ERROR(ctx, tr_net_create_named(ctx, "SiT-S/2", 3, sizes, &bad[i], 1, &net), TR_E_ARG, "products");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  near_f64(ctx);
  training(ctx);
  drift_says(ctx);
  refused(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
