/* A training step: the reference's twenty steps (tests/data/goldens/train20.npz), a cut of the batch and a
 * break that change no bit, draws by address, and what is refused. */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/train/trainer.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

enum { STEPS = 20, ROWS = 4 };

static tr_loss loss_of(tr_ctx *ctx, const char *path, const char *prediction) {
  tr_loss loss;
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &loss.interpolant));
  CHECK_OK(ctx, tr_prediction_find(ctx, prediction, &loss.prediction));
  CHECK_OK(ctx, tr_loss_weight_find(ctx, "none", &loss.weight));
  return loss;
}

static tr_trainer_options options_of(tr_ctx *ctx) {
  tr_trainer_options o;
  tr_trainer_defaults(&o);
  o.loss = loss_of(ctx, "Linear", "velocity");
  o.schedule.rate = 1e-3;
  o.decay = 0.01;
  o.keep[0] = 0.99;
  o.batch = ROWS;
  return o;
}

static tr_net *trained_network(tr_ctx *ctx, tr_dtype dtype) {
  return golden_net(ctx, &(tr_net_options){.dtype = dtype, .trained = true});
}

/* ---- the reference ---- */

typedef struct {
  tr_npz *npz;
  tr_array *x1, *x0; /* (steps, rows, ...) */
  double *t, *losses;
  int32_t labels[STEPS * ROWS];
} twenty;

static twenty open_twenty(tr_ctx *ctx) {
  twenty w = {.npz = golden_open(ctx, "train20")};
  tr_array *t = golden_array(w.npz, "t", TR_F64), *losses = golden_array(w.npz, "losses", TR_F64);
  w.x1 = golden_array(w.npz, "x1", TR_F64);
  w.x0 = golden_array(w.npz, "x0", TR_F64);
  w.t = values(t);
  w.losses = values(losses);
  CHECK(golden_labels(ctx, w.npz, w.labels, STEPS * ROWS) == STEPS * ROWS);
  CHECK(golden_scalar(ctx, w.npz, "lr") == 1e-3 && golden_scalar(ctx, w.npz, "weight_decay") == 0.01 &&
        golden_scalar(ctx, w.npz, "ema_decay") == 0.99);
  tr_array_destroy(&t);
  tr_array_destroy(&losses);
  return w;
}

static void close_twenty(twenty *w) {
  tr_array_destroy(&w->x1);
  tr_array_destroy(&w->x0);
  free(w->t);
  free(w->losses);
  tr_npz_close(&w->npz);
}

/* Step k of the stack (steps, rows, ...). */
static tr_array of_step(const tr_array *stack, int k) {
  return tr_view(stack, k * (stack->count / stack->shape[0]), stack->ndim - 1, stack->shape + 1);
}

static void run_twenty(tr_ctx *ctx, const twenty *w, tr_trainer *trainer, int from, int to) {
  for (int k = from; k < to; k++) {
    tr_train_report report;
    tr_array x1 = of_step(w->x1, k), x0 = of_step(w->x0, k);
    const tr_train_batch batch = {&x1, w->labels + ROWS * k, &x0, w->t + ROWS * k};
    CHECK_OK(ctx, tr_trainer_step(trainer, &batch, &report));
    CHECK_NEAR(report.loss, w->losses[k], 1e-8 * w->losses[k]);
    CHECK(report.step == k + 1 && report.rate == 1e-3 && report.grad_norm > 0);
  }
}

/* Norms of all parameters in an arena, in the order of the golden's names, and the last layer's weight. */
static void compare(tr_ctx *ctx, const twenty *w, tr_net *net, const tr_array *arena, const char *norms,
                    const char *last) {
  tr_params *params = tr_net_params(net);
  tr_array *stored = golden_array(w->npz, norms, TR_F64);
  double *want = values(stored);
  int n = 0;
  for (int i = 0; i < tr_params_n(params); i++) {
    tr_array part = tr_params_at(params, arena, i);
    double squares;
    if (tr_params_entry(params, i)->frozen && stored->count < tr_params_n(params)) continue;
    CHECK_OK(ctx, tr_reduce(TR_SUM_XY, &part, &part, NULL, &squares));
    CHECK_NEAR(sqrt(squares), want[n], 1e-8 * want[n]);
    n++;
  }
  CHECK(n == stored->count);
  tr_array weight = tr_params_at(params, arena, tr_params_find(params, "final_layer.linear.weight"));
  CHECK_NEAR(golden_difference(w->npz, last, &weight), 0, 1e-8);
  free(want);
  tr_array_destroy(&stored);
}

static void reference(tr_ctx *ctx) {
  twenty w = open_twenty(ctx);
  tr_net *net = trained_network(ctx, TR_F64);
  tr_trainer *trainer;
  tr_trainer_options o = options_of(ctx);
  CHECK_OK(ctx, tr_trainer_create(net, &o, &trainer));
  run_twenty(ctx, &w, trainer, 0, STEPS);
  CHECK(tr_trainer_steps(trainer) == STEPS);
  compare(ctx, &w, net, tr_params_values(tr_net_params(net)), "param_norms", "final_linear_weight");
  compare(ctx, &w, net, tr_trainer_average(trainer, 0), "ema_norms", "ema_final_linear_weight");
  tr_trainer_destroy(&trainer);
  tr_net_destroy(&net);
  close_twenty(&w);
}

/* ---- pieces and breaks ---- */

static double *all_values(tr_net *net) {
  return values(tr_params_values(tr_net_params(net)));
}

/* Rows of x1 for step k, the same for every trainer. */
static tr_array *data_of(tr_ctx *ctx, tr_net *net, tr_dtype dtype, int64_t rows, int k) {
  int64_t shape[TR_MAX_DIMS];
  tr_array *x1;
  const int ndim = tr_net_states(tr_net_info_of(net), rows, shape);
  CHECK_OK(ctx, tr_array_create(ctx, dtype, ndim, shape, &x1));
  CHECK_OK(ctx,
           tr_randn(&(tr_random_address){.seed = 5, .purpose = TR_RANDOM_TEST, .step = (uint32_t)k}, x1));
  return x1;
}

static tr_train_report step_of(tr_ctx *ctx, tr_net *net, tr_trainer *trainer, int k) {
  static const int32_t labels[ROWS] = {3, 0, 9, 10};
  tr_train_report report = {0};
  tr_array *x1 = data_of(ctx, net, tr_net_dtype(net), ROWS, k);
  CHECK_OK(ctx, tr_trainer_step(trainer, &(tr_train_batch){.x1 = x1, .labels = labels}, &report));
  tr_array_destroy(&x1);
  return report;
}

/* Three steps that draw for themselves; before step `broken` everything goes into a new network and trainer.
 */
static double *three(tr_ctx *ctx, tr_dtype dtype, int64_t at_once, int broken, double *loss) {
  tr_net *net = trained_network(ctx, dtype), *next;
  tr_trainer *trainer, *after;
  tr_trainer_options o = options_of(ctx);
  o.rows_at_once = at_once;
  o.label_dropout = 0.5;
  o.n_averages = 2;
  o.keep[1] = 0.5;
  CHECK_OK(ctx, tr_trainer_create(net, &o, &trainer));
  for (int k = 0; k < 3; k++) {
    if (k == broken) {
      next = trained_network(ctx, dtype);
      CHECK_OK(ctx,
               tr_array_copy(tr_params_values(tr_net_params(net)), tr_params_values(tr_net_params(next))));
      CHECK_OK(ctx, tr_net_refresh(next));
      CHECK_OK(ctx, tr_trainer_create(next, &o, &after));
      CHECK_OK(ctx, tr_array_copy(tr_trainer_first_moment(trainer), tr_trainer_first_moment(after)));
      CHECK_OK(ctx, tr_array_copy(tr_trainer_second_moment(trainer), tr_trainer_second_moment(after)));
      for (int i = 0; i < 2; i++)
        CHECK_OK(ctx, tr_array_copy(tr_trainer_average(trainer, i), tr_trainer_average(after, i)));
      CHECK_OK(ctx, tr_trainer_set_steps(after, tr_trainer_steps(trainer)));
      tr_trainer_destroy(&trainer);
      tr_net_destroy(&net);
      net = next, trainer = after;
    }
    loss[k] = step_of(ctx, net, trainer, k).loss;
  }
  double *end = all_values(net), *average = values(tr_trainer_average(trainer, 1));
  const int64_t n = tr_params_values(tr_net_params(net))->count;
  double *both = malloc(2 * (size_t)n * sizeof *both);
  memcpy(both, end, (size_t)n * sizeof *end);
  memcpy(both + n, average, (size_t)n * sizeof *end);
  free(end), free(average);
  tr_trainer_destroy(&trainer);
  tr_net_destroy(&net);
  return both;
}

static void cuts(tr_ctx *ctx, tr_dtype dtype) {
  double loss[4][3];
  double *whole = three(ctx, dtype, 0, -1, loss[0]), *ones = three(ctx, dtype, 1, -1, loss[1]),
         *threes = three(ctx, dtype, 3, -1, loss[2]), *broken = three(ctx, dtype, 0, 2, loss[3]);
  tr_net *net = trained_network(ctx, dtype);
  const size_t bytes = 2 * (size_t)tr_params_values(tr_net_params(net))->count * sizeof *whole;
  CHECK(loss[0][0] != loss[0][1] && isfinite(loss[0][2]));
  CHECK(!memcmp(broken, whole, bytes) && !memcmp(loss[3], loss[0], sizeof *loss));
  if (promises(ctx, TR_BACKEND_SUMS_IN_ORDER)) {
    CHECK(!memcmp(ones, whole, bytes) && !memcmp(loss[1], loss[0], sizeof *loss));
    CHECK(!memcmp(threes, whole, bytes));
  }
  free(whole), free(ones), free(threes), free(broken);
  tr_net_destroy(&net);
}

/* Two ranks draw for their rows what one rank draws for all. */
static void shares(tr_ctx *ctx) {
  tr_trainer_options o = options_of(ctx);
  tr_net *net = trained_network(ctx, TR_F64);
  tr_array *x1 = data_of(ctx, net, TR_F64, ROWS, 0);
  const int32_t labels[ROWS] = {3, 0, 9, 10};
  double whole = 0, parts = 0;
  for (int share = 0; share < 3; share++) {
    tr_net *own = trained_network(ctx, TR_F64);
    tr_trainer *trainer;
    tr_train_report report;
    o.first = share == 2 ? 3 : 0;
    o.rows = share == 0 ? ROWS : share == 1 ? 3 : 1;
    CHECK_OK(ctx, tr_trainer_create(own, &o, &trainer));
    tr_array rows = tr_rows(x1, o.first, o.rows);
    CHECK_OK(ctx,
             tr_trainer_step(trainer, &(tr_train_batch){.x1 = &rows, .labels = labels + o.first}, &report));
    *(share == 0 ? &whole : &parts) += report.loss;
    tr_trainer_destroy(&trainer);
    tr_net_destroy(&own);
  }
  CHECK_NEAR(parts, whole, 1e-14);
  tr_array_destroy(&x1);
  tr_net_destroy(&net);
}

static void clipping(tr_ctx *ctx) {
  double norm[2];
  for (int i = 0; i < 2; i++) {
    tr_net *net = trained_network(ctx, TR_F64);
    tr_trainer *trainer;
    tr_trainer_options o = options_of(ctx);
    double squares;
    o.beta1 = o.beta2 = 0;
    o.clip = i ? 1e-3 : INFINITY;
    CHECK_OK(ctx, tr_trainer_create(net, &o, &trainer));
    norm[i] = step_of(ctx, net, trainer, 0).grad_norm;
    CHECK_OK(ctx, tr_reduce(TR_SUM_XY, tr_trainer_first_moment(trainer), tr_trainer_first_moment(trainer),
                            NULL, &squares));
    CHECK_NEAR(sqrt(squares), i ? 1e-3 : norm[0], 1e-12);
    tr_trainer_destroy(&trainer);
    tr_net_destroy(&net);
  }
  CHECK(norm[0] == norm[1] && norm[0] > 1e-3);
}

/* ---- asking with an average ---- */

/* The parameters after a step, with the average looked at before it or not. */
static double *with_a_look(tr_ctx *ctx, bool look) {
  tr_net *net = trained_network(ctx, TR_F32);
  tr_trainer *trainer;
  tr_trainer_options o = options_of(ctx);
  o.keep[0] = 0.5;
  CHECK_OK(ctx, tr_trainer_create(net, &o, &trainer));
  for (int k = 0; k < 2; k++) step_of(ctx, net, trainer, k);
  if (look) {
    const size_t bytes = (size_t)tr_params_values(tr_net_params(net))->count * sizeof(double);
    double *own = all_values(net), *average = values(tr_trainer_average(trainer, 0));
    CHECK_OK(ctx, tr_trainer_exchange(trainer, 0));
    double *seen = all_values(net);
    CHECK(!memcmp(seen, average, bytes) && memcmp(own, average, bytes));
    /* what the network says is that of one made with these values */
    tr_net *other = trained_network(ctx, TR_F32);
    CHECK_OK(ctx,
             tr_array_copy(tr_params_values(tr_net_params(net)), tr_params_values(tr_net_params(other))));
    CHECK_OK(ctx, tr_net_refresh(other));
    const double t[1] = {0.5};
    const int32_t label[1] = {3};
    tr_array *x = data_of(ctx, net, TR_F32, 1, 7), *a, *b;
    CHECK_OK(ctx, tr_array_like(x, &a));
    CHECK_OK(ctx, tr_array_like(x, &b));
    CHECK_OK(ctx, tr_net_forward(net, (tr_times){1, t}, x, &(tr_cond){1, label}, a));
    CHECK_OK(ctx, tr_net_forward(other, (tr_times){1, t}, x, &(tr_cond){1, label}, b));
    double *one = values(a), *two = values(b);
    CHECK(!memcmp(one, two, (size_t)a->count * sizeof *one));
    CHECK_OK(ctx, tr_trainer_exchange(trainer, 0));
    CHECK_ERROR(ctx, tr_trainer_exchange(trainer, 1), TR_E_ARG, "average 1 of a training with 1");
    free(one), free(two), free(own), free(average), free(seen);
    tr_array_destroy(&x), tr_array_destroy(&a), tr_array_destroy(&b);
    tr_net_destroy(&other);
  }
  step_of(ctx, net, trainer, 2);
  double *end = all_values(net);
  tr_trainer_destroy(&trainer);
  tr_net_destroy(&net);
  return end;
}

static void exchanged(tr_ctx *ctx) {
  tr_net *net = trained_network(ctx, TR_F32);
  double *without = with_a_look(ctx, false), *with = with_a_look(ctx, true);
  CHECK(!memcmp(without, with, (size_t)tr_params_values(tr_net_params(net))->count * sizeof *with));
  free(without), free(with);
  tr_net_destroy(&net);
}

/* ---- refused ---- */

static void not_finite(tr_ctx *ctx) {
  tr_net *net = trained_network(ctx, TR_F64);
  tr_params *params = tr_net_params(net);
  tr_trainer *trainer;
  tr_trainer_options o = options_of(ctx);
  CHECK_OK(ctx, tr_trainer_create(net, &o, &trainer));
  step_of(ctx, net, trainer, 0);
  tr_array bias = tr_params_value(params, tr_params_find(params, "blocks.1.mlp.fc1.bias"));
  CHECK_OK(ctx, tr_fill(INFINITY, &bias));
  CHECK_OK(ctx, tr_net_refresh(net));
  double *before = values(tr_trainer_first_moment(trainer));
  tr_array *x1 = data_of(ctx, net, TR_F64, ROWS, 1);
  tr_train_report report;
  const int32_t labels[ROWS] = {0};
  const tr_train_batch batch = {.x1 = x1, .labels = labels};
  CHECK_ERROR(ctx, tr_trainer_step(trainer, &batch, &report), TR_E_NONFINITE, "step 2");
  CHECK_ERROR(ctx, tr_trainer_step(trainer, &batch, &report), TR_E_NONFINITE, "blocks.1.mlp.fc1.bias");
  CHECK(tr_trainer_steps(trainer) == 1);
  double *after = values(tr_trainer_first_moment(trainer));
  CHECK(!memcmp(before, after, (size_t)tr_params_values(params)->count * sizeof *after));
  free(before), free(after);
  tr_array_destroy(&x1);
  tr_trainer_destroy(&trainer);
  tr_net_destroy(&net);
}

static void refused_options(tr_ctx *ctx) {
  tr_net *net = trained_network(ctx, TR_F32), *bare = golden_net(ctx, &(tr_net_options){.dtype = TR_F32});
  const tr_trainer_options good = options_of(ctx);
  tr_trainer_options o = good;
  tr_trainer *trainer;
  CHECK_ERROR(ctx, tr_trainer_create(bare, &o, &trainer), TR_E_ARG, "options.trained");
  o.batch = 0;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "at least one");
  o = good, o.first = 3, o.rows = 2;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "rows 3 to 5");
  o = good, o.keep[0] = 2;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "keeps 2");
  o = good, o.sigma_rel[0] = 0.3;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "width 0.3");
  o = good, o.sigma_rel[0] = -1;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "width -1");
  o = good, o.clip = 0;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "clipped to 0");
  o = good, o.label_dropout = -1;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "probability -1");
  o = good, o.schedule.rate = NAN;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "learning rate");
  o = good, o.schedule.kind = TR_SCHEDULE_COSINE;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "cosine over 0");
  o = good, o.loss.prediction = NULL;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "without a loss");
  const struct {
    double beta1, beta2, eps, decay;
    const char *word;
  } adamw[] = {{NAN, 0.9, 0, 0, "beta1 = nan"},
               {-1, 0.9, 0, 0, "beta1 = -1"},
               {0.9, 1, 0, 0, "beta2 = 1: use a number from 0 to below 1"},
               {0.9, 0.9, -1, 0, "eps = -1"},
               {0.9, 0.9, NAN, 0, "eps = nan"},
               {0.9, 0.9, 0, NAN, "decay = nan"},
               {0.9, 0.9, 0, INFINITY, "decay = inf"}};
  for (size_t i = 0; i < sizeof adamw / sizeof *adamw; i++) {
    o = good, o.beta1 = adamw[i].beta1, o.beta2 = adamw[i].beta2, o.eps = adamw[i].eps;
    o.decay = adamw[i].decay;
    CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, adamw[i].word);
  }
  o = good, o.times.t1 = 5;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "between 0 and 5");
  o = good, o.times.sampling = (tr_time_sampling)9;
  CHECK_ERROR(ctx, tr_trainer_create(net, &o, &trainer), TR_E_ARG, "no law of times 9");
  tr_net_destroy(&net);
  tr_net_destroy(&bare);
}

static void refused_batches(tr_ctx *ctx) {
  tr_net *net = trained_network(ctx, TR_F32);
  tr_trainer_options o = options_of(ctx);
  tr_trainer *trainer;
  tr_train_report report;
  const int32_t labels[ROWS] = {0, 1, 11, 2}, fine[ROWS] = {0};
  CHECK_OK(ctx, tr_trainer_create(net, &o, &trainer));
  tr_array *x1 = data_of(ctx, net, TR_F32, ROWS, 0), *few = data_of(ctx, net, TR_F32, 1, 0);
  tr_train_batch batch = {.x1 = few, .labels = fine};
  CHECK_ERROR(ctx, tr_trainer_step(trainer, &batch, &report), TR_E_SHAPE, "a training step on");
  batch.x1 = x1, batch.labels = NULL;
  CHECK_ERROR(ctx, tr_trainer_step(trainer, &batch, &report), TR_E_ARG, "without labels");
  batch.labels = labels;
  CHECK_ERROR(ctx, tr_trainer_step(trainer, &batch, &report), TR_E_ARG, "label 11");
  batch.labels = fine, batch.x0 = x1;
  CHECK_ERROR(ctx, tr_trainer_step(trainer, &batch, &report), TR_E_ARG, "both or neither");
  CHECK_ERROR(ctx, tr_trainer_set_steps(trainer, -1), TR_E_ARG, "-1 steps");
  CHECK_ERROR(ctx, tr_trainer_set_steps(trainer, UINT32_MAX), TR_E_ARG, "4294967295 steps");
  batch.x0 = NULL;
  CHECK_OK(ctx, tr_trainer_set_steps(trainer, (int64_t)UINT32_MAX - 2));
  CHECK_OK(ctx, tr_trainer_step(trainer, &batch, &report));
  CHECK_ERROR(ctx, tr_trainer_step(trainer, &batch, &report), TR_E_ARG, "step 4294967295");
  CHECK(tr_trainer_steps(trainer) == (int64_t)UINT32_MAX - 1);
  tr_array_destroy(&x1);
  tr_array_destroy(&few);
  tr_trainer_destroy(&trainer);
  tr_net_destroy(&net);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  reference(ctx);
  cuts(ctx, TR_F32);
  cuts(ctx, TR_F64);
  shares(ctx);
  clipping(ctx);
  exchanged(ctx);
  not_finite(ctx);
  refused_options(ctx);
  refused_batches(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
