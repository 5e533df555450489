/* Training losses: the reference's numbers for every path, prediction and weight; the gradient with respect
 * to the prediction against central differences; what cannot be weighed. */
/* TR_TEST_RESOURCES */
#include "transport/loss/loss.h"

#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"

static const char *const paths[] = {"Linear", "GVP", "VP"};
static const char *const predictions[] = {"velocity", "noise", "score", "denoiser", "canonical"};
static const char *const weights[] = {"none", "velocity", "likelihood"};

static tr_loss loss_of(tr_ctx *ctx, int path, int prediction, int weight) {
  tr_loss loss;
  CHECK_OK(ctx, tr_interpolant_find(ctx, paths[path], &loss.interpolant));
  CHECK_OK(ctx, tr_prediction_find(ctx, predictions[prediction], &loss.prediction));
  CHECK_OK(ctx, tr_loss_weight_find(ctx, weights[weight], &loss.weight));
  return loss;
}

static void golden(tr_ctx *ctx, int path, int prediction, int weight) {
  enum { MAX = 8 };
  char name[80];
  tr_loss loss = loss_of(ctx, path, prediction, weight);
  snprintf(name, sizeof name, "loss_%s_%s_%s", paths[path], predictions[prediction], weights[weight]);
  tr_npz *npz = golden_open(ctx, name);
  tr_drift *network = golden_network(ctx, TR_F64, loss.prediction->tag);
  tr_array *x1 = golden_array(npz, "x1", TR_F64), *x0 = golden_array(npz, "x0", TR_F64), *x, *p;
  tr_array *times = golden_array(npz, "t", TR_F64), *want = golden_array(npz, "loss", TR_F64);
  double t[MAX], got[MAX], host[MAX];
  int32_t labels[MAX];
  int n = golden_labels(ctx, npz, labels, MAX);
  CHECK_OK(ctx, tr_array_get_f64(times, t));
  CHECK_OK(ctx, tr_array_get_f64(want, host));
  CHECK_OK(ctx, tr_array_like(x1, &x));
  CHECK_OK(ctx, tr_array_like(x1, &p));
  CHECK_OK(ctx, tr_interpolate(&loss.interpolant, (tr_times){n, t}, x1, x0, x));
  CHECK_OK(ctx, tr_drift_eval(network, (tr_times){n, t}, x, &(tr_cond){n, labels}, p));
  CHECK_OK(ctx, tr_loss_eval(&loss, (tr_times){n, t}, p, x1, x0, 1, got, NULL));
  for (int i = 0; i < n; i++) CHECK_NEAR(got[i], host[i], 1e-10 * fabs(host[i]));
  tr_array *const arrays[] = {x1, x0, x, p, times, want};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(&(tr_array *){arrays[i]});
  tr_drift_destroy(&network);
  tr_npz_close(&npz);
}

enum { ROWS = 3, ROW = 4, COUNT = ROWS * ROW };

static tr_array *normals(tr_ctx *ctx, uint64_t seed) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, ROW}, &a));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.seed = seed, .purpose = TR_RANDOM_TEST}, a));
  return a;
}

static double sum_at(const tr_loss *loss, tr_times times, tr_array *p, const double *values,
                     const tr_array *x1, const tr_array *x0) {
  double each[ROWS], sum = 0;
  CHECK_OK(p->ctx, tr_array_set_f64(p, values));
  CHECK_OK(p->ctx, tr_loss_eval(loss, times, p, x1, x0, 1, each, NULL));
  for (int i = 0; i < ROWS; i++) sum += each[i];
  return sum;
}

/* A loss is quadratic in p: central differences are exact but for rounding. */
static void gradient(tr_ctx *ctx, int path, int prediction, int weight) {
  const double h = 0.5, t[ROWS] = {0.2, 0.5, 0.9}, factor = 1. / ROWS;
  tr_loss loss = loss_of(ctx, path, prediction, weight);
  tr_array *x1 = normals(ctx, 1), *x0 = normals(ctx, 2), *p = normals(ctx, 3), *dp = normals(ctx, 4);
  double values[COUNT], slope[COUNT], each[ROWS], size = 0;
  CHECK_OK(ctx, tr_array_get_f64(p, values));
  CHECK_OK(ctx, tr_loss_eval(&loss, (tr_times){ROWS, t}, p, x1, x0, factor, each, dp));
  CHECK_OK(ctx, tr_array_get_f64(dp, slope));
  for (int i = 0; i < COUNT; i++) size = fmax(size, fabs(slope[i]));
  CHECK(size > 1e-3);
  for (int i = 0; i < COUNT; i++) {
    values[i] += h;
    double above = sum_at(&loss, (tr_times){ROWS, t}, p, values, x1, x0);
    values[i] -= 2 * h;
    double below = sum_at(&loss, (tr_times){ROWS, t}, p, values, x1, x0);
    values[i] += h;
    CHECK_NEAR(slope[i], factor * (above - below) / (2 * h), 1e-11 * size);
  }
  tr_array *const arrays[] = {x1, x0, p, dp};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(&(tr_array *){arrays[i]});
}

/* The velocity weight makes the loss of any prediction that of the velocity it stands for. */
static void velocity_weight(tr_ctx *ctx, int path, int prediction) {
  const double t[ROWS] = {0.2, 0.5, 0.9};
  tr_loss loss = loss_of(ctx, path, prediction, 1), plain = loss_of(ctx, path, 0, 0);
  tr_array *x1 = normals(ctx, 1), *x0 = normals(ctx, 2), *p = normals(ctx, 3), *x = normals(ctx, 4);
  double got[ROWS], want[ROWS];
  CHECK_OK(ctx, tr_loss_eval(&loss, (tr_times){ROWS, t}, p, x1, x0, 1, got, NULL));
  CHECK_OK(ctx, tr_interpolate(&loss.interpolant, (tr_times){ROWS, t}, x1, x0, x));
  for (int64_t i = 0; i < ROWS; i++) {
    tr_affine a;
    CHECK_OK(ctx, tr_convert(ctx, &loss.interpolant, loss.prediction, TR_VELOCITY, t[i], &a));
    tr_array x_row = tr_rows(x, i, 1);
    tr_array p_row = tr_rows(p, i, 1);
    CHECK_OK(ctx, tr_affine_apply(a, &x_row, &p_row, &p_row));
  }
  CHECK_OK(ctx, tr_loss_eval(&plain, (tr_times){ROWS, t}, p, x1, x0, 1, want, NULL));
  for (int i = 0; i < ROWS; i++) CHECK_NEAR(got[i], want[i], 1e-11 * want[i]);
  tr_array *const arrays[] = {x1, x0, p, x};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(&(tr_array *){arrays[i]});
}

static void refused(tr_ctx *ctx) {
  const double zero = 0, late = 1.5;
  double each[ROWS];
  tr_loss loss = loss_of(ctx, 0, 1, 2), odd = loss;
  tr_prediction_type untrained = *loss.prediction;
  tr_array *x1 = normals(ctx, 1);
  untrained.target = NULL, odd.prediction = &untrained;
  tr_array few = tr_rows(x1, 0, 2);
  CHECK_ERROR(ctx, tr_loss_eval(&loss, (tr_times){1, &zero}, x1, x1, x1, 1, each, NULL), TR_E_ARG,
              "infinite");
  CHECK_ERROR(ctx, tr_loss_eval(&loss, (tr_times){1, &late}, x1, x1, x1, 1, each, NULL), TR_E_ARG, "1.5");
  CHECK_ERROR(ctx, tr_loss_eval(&loss, (tr_times){1, &zero}, &few, x1, x1, 1, each, NULL), TR_E_SHAPE,
              "agree");
  CHECK_ERROR(ctx, tr_loss_eval(&loss, (tr_times){2, &zero}, x1, x1, x1, 1, each, NULL), TR_E_SHAPE, "times");
  CHECK_ERROR(ctx, tr_loss_eval(&odd, (tr_times){1, &zero}, x1, x1, x1, 1, each, NULL), TR_E_UNSUPPORTED,
              "no target");
  CHECK_ERROR(ctx, tr_loss_weight_find(ctx, "velocty", &loss.weight), TR_E_ARG, "velocity");
  tr_array_destroy(&x1);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  for (int path = 0; path < 3; path++)
    for (int prediction = 0; prediction < 5; prediction++) {
      for (int weight = 0; weight < 3; weight++) {
        bool stored = prediction < 3 && path + prediction + weight > 0;
        if (stored) golden(ctx, path, prediction, weight);
        gradient(ctx, path, prediction, weight);
      }
      velocity_weight(ctx, path, prediction);
    }
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
