/* Training on several ranks: the losses and parameters of one process that has the whole batch, the same bits
 * on all ranks and from run to run whatever the cut of the sums; a rank that fails, or has numbers that are
 * not finite, stops all of them before the step; ranks that have drifted apart are told. Alone too, as one
 * rank. */
/* TR_TEST_RESOURCES */
/* TR_TEST_RANKS */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/train/trainer_private.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "tests/support/problems/matrices.h"

enum { BATCH = 6, STEPS = 3 };
static const int32_t labels[BATCH] = {3, 0, 9, 10, 5, 5};

typedef struct {
  tr_net *net;
  tr_trainer *trainer;
} training;

/* comm NULL: the whole batch. */
static training begun(tr_ctx *ctx, tr_comm *comm, tr_dtype dtype, int64_t bucket) {
  training t;
  tr_trainer_options o;
  t.net = golden_net(ctx, &(tr_net_options){.dtype = dtype, .trained = true});
  tr_trainer_defaults(&o);
  CHECK_OK(ctx, tr_interpolant_find(ctx, "GVP", &o.loss.interpolant));
  CHECK_OK(ctx, tr_prediction_find(ctx, "velocity", &o.loss.prediction));
  CHECK_OK(ctx, tr_loss_weight_find(ctx, "none", &o.loss.weight));
  o.schedule.rate = 1e-3;
  o.label_dropout = 0.5;
  o.clip = 0.5;
  o.batch = BATCH;
  if (comm) {
    o.comm = comm;
    o.rows = BATCH / tr_comm_size(comm);
    o.first = o.rows * tr_comm_rank(comm);
    o.rows_at_once = 1;
  }
  CHECK_OK(ctx, tr_trainer_create(t.net, &o, &t.trainer));
  if (bucket) t.trainer->bucket = bucket;
  return t;
}

static void end(training *t) {
  tr_trainer_destroy(&t->trainer);
  tr_net_destroy(&t->net);
}

static tr_status step(tr_ctx *ctx, training *t, const int32_t *own_labels, double poison,
                      tr_train_report *report) {
  int64_t shape[TR_MAX_DIMS];
  tr_array *x1;
  const int ndim = tr_net_states(tr_net_info_of(t->net), t->trainer->o.rows, shape);
  CHECK_OK(ctx, tr_array_create(ctx, tr_net_dtype(t->net), ndim, shape, &x1));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.seed = 5,
                                              .purpose = TR_RANDOM_TEST,
                                              .step = (uint32_t)tr_trainer_steps(t->trainer),
                                              .sample = (uint64_t)t->trainer->o.first},
                         x1));
  tr_array one = tr_rows(x1, 0, 1);
  if (poison != 0) CHECK_OK(ctx, tr_fill(poison, &one));
  const tr_train_batch batch = {.x1 = x1, .labels = own_labels + t->trainer->o.first};
  const tr_status status = tr_trainer_step(t->trainer, &batch, report);
  tr_array_destroy(&x1);
  return status;
}

static double *parameters(const training *t) {
  return values(tr_params_values(tr_net_params(t->net)));
}

/* STEPS steps; returns the parameters. */
static double *run(tr_ctx *ctx, tr_comm *comm, tr_dtype dtype, int64_t bucket, tr_train_report *reports) {
  training t = begun(ctx, comm, dtype, bucket);
  for (int k = 0; k < STEPS; k++) CHECK_OK(ctx, step(ctx, &t, labels, 0, &reports[k]));
  if (comm) CHECK_OK(ctx, tr_trainer_same(t.trainer));
  double *p = parameters(&t);
  end(&t);
  return p;
}

static int64_t count_of(tr_ctx *ctx) {
  training t = begun(ctx, NULL, TR_F32, 0);
  const int64_t n = tr_params_values(tr_net_params(t.net))->count;
  end(&t);
  return n;
}

static void together(tr_ctx *ctx, tr_comm *comm, tr_dtype dtype) {
  tr_train_report one[STEPS], many[STEPS], again[STEPS];
  const int64_t n = count_of(ctx);
  double *whole = run(ctx, NULL, dtype, 0, one), *parts = run(ctx, comm, dtype, 0, many),
         *cut = run(ctx, comm, dtype, 100, again);
  const bool by_host = strcmp(tr_comm_name(comm), "mpi+nccl") != 0; /* then no cut changes a bit */
  const double near = dtype == TR_F64 ? 1e-12 : 1e-5;
  for (int k = 0; k < STEPS; k++) {
    CHECK_NEAR(many[k].loss, one[k].loss, near * one[k].loss);
    CHECK_NEAR(many[k].grad_norm, one[k].grad_norm, near * one[k].grad_norm);
    CHECK_NEAR(again[k].loss, many[k].loss, by_host ? 0 : near * many[k].loss);
    CHECK_NEAR(again[k].grad_norm, many[k].grad_norm, by_host ? 0 : near * many[k].grad_norm);
  }
  CHECK(check_relative(parts, whole, n) <
        (dtype == TR_F64 ? 1e-9 : 1e-3)); /* AdamW divides by small numbers */
  if (by_host)
    CHECK(!memcmp(parts, cut, (size_t)n * sizeof *parts));
  else
    CHECK(check_relative(cut, parts, n) < (dtype == TR_F64 ? 1e-9 : 1e-3));
  free(whole), free(parts), free(cut);
}

/* The last rank gives a label that there is not, then numbers that are not finite; then all goes on. */
static void failures(tr_ctx *ctx, tr_comm *comm) {
  const bool last = tr_comm_rank(comm) == tr_comm_size(comm) - 1;
  training t = begun(ctx, comm, TR_F32, 1000);
  int32_t wrong[BATCH];
  char said[40];
  tr_train_report report;
  CHECK_OK(ctx, step(ctx, &t, labels, 0, &report));
  double *before = parameters(&t);
  memcpy(wrong, labels, sizeof wrong);
  if (last) wrong[BATCH - 1] = 77;
  snprintf(said, sizeof said, "rank %d failed", tr_comm_size(comm) - 1);
  CHECK_ERROR(ctx, step(ctx, &t, wrong, 0, &report), TR_E_ARG, last ? "label 77" : said);
  CHECK(tr_comm_speaks(comm) == last);
  CHECK_ERROR(ctx, step(ctx, &t, labels, last ? INFINITY : 0, &report), TR_E_NONFINITE, "step 2");
  double *after = parameters(&t);
  CHECK(!memcmp(before, after, sizeof *after * (size_t)tr_params_values(tr_net_params(t.net))->count));
  CHECK(tr_trainer_steps(t.trainer) == 1);
  CHECK_OK(ctx, step(ctx, &t, labels, 0, &report));
  CHECK_OK(ctx, tr_trainer_same(t.trainer));
  free(before), free(after);
  end(&t);
}

/* One number of one rank is moved by a rounding; rank 0 lends its own. */
static void drift(tr_ctx *ctx, tr_comm *comm) {
  const bool apart = tr_comm_size(comm) > 1;
  static const char *const names[] = {"parameters", "second moments", "averages"};
  training t = begun(ctx, comm, TR_F32, 0);
  tr_train_report report;
  CHECK_OK(ctx, step(ctx, &t, labels, 0, &report));
  for (int i = 0; i < 3; i++) {
    tr_array *const arenas[] = {tr_params_values(tr_net_params(t.net)), tr_trainer_second_moment(t.trainer),
                                tr_trainer_average(t.trainer, 0)};
    const int64_t one = 1;
    tr_array number = tr_view(arenas[i], arenas[i]->count / 2, 1, &one);
    double value;
    CHECK_OK(ctx, tr_array_get_f64(&number, &value));
    value = value == 0 ? 1e-9 : value * (1 + 1e-6);
    if (tr_comm_rank(comm) == 1) CHECK_OK(ctx, tr_array_set_f64(&number, &value));
    if (apart) CHECK_ERROR(ctx, tr_trainer_same(t.trainer), TR_E_DEVICE, names[i]);
    CHECK_OK(ctx, tr_trainer_share(t.trainer));
    CHECK_OK(ctx, tr_trainer_same(t.trainer));
  }
  if (tr_comm_rank(comm)) CHECK_OK(ctx, tr_trainer_set_steps(t.trainer, 9));
  CHECK_OK(ctx, tr_trainer_share(t.trainer));
  CHECK(tr_trainer_steps(t.trainer) == 1);
  end(&t);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  tr_comm *comm;
  CHECK_OK(ctx, tr_comm_open(ctx, &comm));
  together(ctx, comm, TR_F64);
  together(ctx, comm, TR_F32);
  failures(ctx, comm);
  drift(ctx, comm);
  tr_comm_close(&comm);
  tr_ctx_close(&ctx);
  return check_report();
}
