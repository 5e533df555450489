/* Training steps as recordings: the bits of steps whose operations are launched one by one, parameters,
 * moments, averages and losses, whatever the cut of a batch, wherever data and noise lie, with activations
 * kept or computed again, and for a training that goes on from a checkpoint; one launch for each piece and
 * one for the new weights; and how many recordings there are at most. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/record/record.h"
#include "core/vec/vec.h"
#include "nets/train/trainer.h"
#include "tests/simt/counters.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"
#include "tests/support/nets/networks.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/problems/scene.h"

enum { ROWS = 5, STEPS = 6, ARENAS = 5 };

typedef struct {
  bool recorded, mlp, recompute;
  tr_dtype dtype;
  int64_t at_once;
  int broken; /* before this step all goes into a new network and trainer; 0: never */
} plan;

/* A training under way, and two places of its data. */
typedef struct {
  tr_ctx *ctx;
  plan plan;
  weights *weights; /* of an MLP */
  scene s;
  tr_trainer *trainer;
  tr_array *x1[2], *x0[2];
} training;

/* ---- steps ---- */

static tr_trainer_options options_of(tr_ctx *ctx, const plan *p, int classes) {
  tr_trainer_options o;
  tr_trainer_defaults(&o);
  CHECK_OK(ctx, tr_interpolant_find(ctx, "GVP", &o.loss.interpolant));
  CHECK_OK(ctx, tr_prediction_find(ctx, "velocity", &o.loss.prediction));
  CHECK_OK(ctx, tr_loss_weight_find(ctx, "none", &o.loss.weight));
  o.seed = 4;
  o.schedule.rate = 1e-2;
  o.label_dropout = classes ? 0.3 : 0;
  o.n_averages = 2;
  o.keep[0] = 0.75;
  o.sigma_rel[1] = 0.2;
  o.batch = ROWS;
  o.rows_at_once = p->at_once;
  return o;
}

static void open_network(training *t) {
  if (t->plan.mlp)
    open_trained_mlp_scene(t->ctx, t->weights, t->plan.dtype, ROWS, &t->s);
  else
    open_trained_scene(t->ctx, &scene_odd, t->plan.dtype, ROWS, &t->s);
  if (t->plan.recompute) CHECK_OK(t->ctx, tr_net_set_recompute(t->s.net, true));
  const tr_trainer_options o = options_of(t->ctx, &t->plan, tr_net_info_of(t->s.net)->num_classes);
  CHECK_OK(t->ctx, tr_trainer_create(t->s.net, &o, &t->trainer));
}

static void open_training(tr_ctx *ctx, const plan *p, training *t) {
  *t = (training){.ctx = ctx, .plan = *p};
  t->weights = weights_of_mlp(ctx, &(weights_mlp_sizes){3, 20, 2, 8, 0});
  open_network(t);
  for (int i = 0; i < 2; i++) {
    CHECK_OK(ctx, tr_array_like(t->s.x, &t->x1[i]));
    CHECK_OK(ctx, tr_array_like(t->s.x, &t->x0[i]));
  }
}

static void close_training(training *t) {
  tr_trainer_destroy(&t->trainer);
  close_scene(&t->s);
  for (int i = 0; i < 2; i++) {
    tr_array_destroy(&t->x1[i]);
    tr_array_destroy(&t->x0[i]);
  }
  weights_free(t->weights);
}

/* Arena i of a training. */
static tr_array *arena(const training *t, int i) {
  tr_array *const all[ARENAS] = {tr_params_values(tr_net_params(t->s.net)),
                                 tr_trainer_first_moment(t->trainer), tr_trainer_second_moment(t->trainer),
                                 tr_trainer_average(t->trainer, 0), tr_trainer_average(t->trainer, 1)};
  return all[i];
}

/* Into a new network and trainer, as from a checkpoint. */
static void go_on(training *t) {
  training before = *t;
  open_network(t);
  for (int i = 0; i < ARENAS; i++) CHECK_OK(t->ctx, tr_array_copy(arena(&before, i), arena(t, i)));
  CHECK_OK(t->ctx, tr_net_refresh(t->s.net));
  CHECK_OK(t->ctx, tr_trainer_set_steps(t->trainer, tr_trainer_steps(before.trainer)));
  tr_trainer_destroy(&before.trainer);
  close_scene(&before.s);
}

/* Step k, which draws for itself or is given all, on data that lie elsewhere than before. */
static double step(training *t, int k) {
  const bool drawn = k % 3 != 1;
  tr_array *x1 = t->x1[k % 2], *x0 = t->x0[k / 2 % 2];
  tr_train_report report = {0};
  double times[ROWS];
  for (int i = 0; i < ROWS; i++) times[i] = (i + 0.1 * k + 0.5) / (ROWS + 1);
  const tr_random_address at = {.purpose = TR_RANDOM_TEST, .step = (uint32_t)k};
  CHECK_OK(t->ctx, tr_randn(&at, x1));
  CHECK_OK(t->ctx, tr_scale(0.5, x1, x0));
  const bool labelled = tr_net_info_of(t->s.net)->num_classes > 0;
  const tr_train_batch batch = {
      .x1 = x1, .labels = labelled ? t->s.labels : NULL, .x0 = drawn ? NULL : x0, .t = drawn ? NULL : times};
  CHECK_OK(t->ctx, tr_trainer_step(t->trainer, &batch, &report));
  return report.loss;
}

/* ---- bits ---- */

typedef struct {
  double loss[STEPS], *arena[ARENAS];
  int64_t count;
  tr_counts news;
  long repeated;
} outcome;

static outcome train(tr_ctx *ctx, const plan *p) {
  training t;
  outcome out;
  const tr_counts before = tr_ctx_counts(ctx);
  tr_record_turn(ctx, p->recorded);
  open_training(ctx, p, &t);
  for (int k = 0; k < STEPS; k++) {
    if (p->broken && k == p->broken) go_on(&t);
    out.loss[k] = step(&t, k);
  }
  for (int i = 0; i < ARENAS; i++) out.arena[i] = values(arena(&t, i));
  out.count = arena(&t, 0)->count;
  out.news = counts_since(ctx, before);
  out.repeated = tr_net_recomputed(t.s.net);
  close_training(&t);
  tr_record_turn(ctx, true);
  return out;
}

static void free_outcome(outcome *o) {
  for (int i = 0; i < ARENAS; i++) free(o->arena[i]);
}

static void check_same(const outcome *a, const outcome *b) {
  CHECK(memcmp(a->loss, b->loss, sizeof a->loss) == 0 && a->count == b->count);
  for (int i = 0; i < ARENAS; i++)
    CHECK(memcmp(a->arena[i], b->arena[i], (size_t)a->count * sizeof *a->arena[i]) == 0);
}

/* pieces: of a step, which come in `kinds` numbers of rows and places relative to 16 bytes. */
static void same_bits(tr_ctx *ctx, plan p, int pieces, int kinds) {
  const bool records = tr_record_possible(ctx);
  p.recorded = false;
  outcome plain = train(ctx, &p);
  p.recorded = true;
  outcome whole = train(ctx, &p);
  check_same(&whole, &plain);
  CHECK(plain.loss[0] != plain.loss[1] && isfinite(plain.loss[STEPS - 1]));
  CHECK(plain.news.recorded == 0 && plain.news.replays == 0 && whole.news.unrecorded == 0);
  CHECK(whole.repeated == plain.repeated && (whole.repeated > 0) == p.recompute);
  CHECK(whole.news.recorded == records * (kinds + 1)); /* and the new weights */
  CHECK(whole.news.replays == records * ((pieces + 1) * STEPS - kinds - 1));
  p.broken = 3;
  outcome broken = train(ctx, &p);
  check_same(&broken, &whole);
  free_outcome(&plain), free_outcome(&whole), free_outcome(&broken);
}

/* ---- launches ---- */

/* Of the device, for one step that draws for itself, when everything is recorded. */
static void launches(tr_ctx *ctx, plan p, int pieces) {
  simt_counters before, after;
  training t;
  if (!simt_counted(&before)) return;
  open_training(ctx, &p, &t);
  for (int k = 0; k < STEPS; k++) step(&t, k);
  const int64_t memory = tr_ctx_memory(ctx);
  tr_train_report report;
  CHECK_OK(ctx, tr_fill(0.5, t.x1[0]));
  const tr_train_batch batch = {.x1 = t.x1[0],
                                .labels = tr_net_info_of(t.s.net)->num_classes ? t.s.labels : NULL};
  const tr_counts earlier = tr_ctx_counts(ctx);
  simt_counted(&before);
  CHECK_OK(ctx, tr_trainer_step(t.trainer, &batch, &report));
  simt_counted(&after);
  const tr_counts news = counts_since(ctx, earlier);
  CHECK(news.replays == pieces + 1 && news.recorded == 0 && news.allocations == 0);
  CHECK(after.graph_launches - before.graph_launches == pieces + 1);
  /* the noise, zeros for the gradient, its norm, and AdamW on the whole rows of the arena and on the rest */
  CHECK(after.launches - before.launches == 5);
  CHECK(after.allocations == before.allocations && after.pinned == before.pinned);
  CHECK(tr_ctx_memory(ctx) == memory);
  close_training(&t);
}

/* ---- what else is done with a network ---- */

/* Evaluations, an average in the place of the parameters, and another training of the same network, between
 * the steps. */
static void between(tr_ctx *ctx) {
  double *end[2];
  int64_t count = 0;
  for (int recorded = 0; recorded < 2; recorded++) {
    const plan p = {.recorded = recorded, .dtype = TR_F32};
    training t;
    tr_record_turn(ctx, recorded);
    open_training(ctx, &p, &t);
    const tr_cond cond = scene_cond(&t.s, 0, ROWS);
    for (int k = 0; k < STEPS; k++) {
      step(&t, k);
      CHECK_OK(ctx, tr_trainer_exchange(t.trainer, k % 2));
      CHECK_OK(ctx, tr_drift_eval(t.s.network, scene_times(&t.s, 0, 1), t.s.x, &cond, t.x1[0]));
      CHECK_OK(ctx,
               tr_drift_vjp(t.s.network, scene_times(&t.s, 0, 1), t.s.x, &cond, t.x1[0], t.x0[0], t.x0[1]));
      CHECK_OK(ctx, tr_trainer_exchange(t.trainer, k % 2));
      CHECK_OK(ctx, tr_axpby(1, t.x0[1], 1, t.s.x, t.s.x));
    }
    CHECK_OK(ctx, tr_array_copy(t.s.x, t.x1[0]));
    count = arena(&t, 0)->count;
    double *params = values(arena(&t, 0)), *x = values(t.x1[0]);
    end[recorded] = malloc((size_t)(count + t.s.x->count) * sizeof(double));
    memcpy(end[recorded], params, (size_t)count * sizeof(double));
    memcpy(end[recorded] + count, x, (size_t)t.s.x->count * sizeof(double));
    count += t.s.x->count;
    free(params), free(x);
    close_training(&t);
  }
  tr_record_turn(ctx, true);
  CHECK(memcmp(end[0], end[1], (size_t)count * sizeof(double)) == 0);
  free(end[0]), free(end[1]);
}

/* A step that is stopped has not happened; one that has changed the parameters is finished. */
static void stopped(tr_ctx *ctx) {
  static volatile sig_atomic_t flag;
  const plan p = {.dtype = TR_F32};
  training t;
  open_training(ctx, &p, &t);
  for (int k = 0; k < 3; k++) step(&t, k);
  double *before = values(arena(&t, 0));
  tr_train_report report;
  const tr_train_batch batch = {.x1 = t.x1[0], .labels = t.s.labels};
  tr_ctx_set_interrupt(ctx, &flag);
  flag = 1;
  CHECK_ERROR(ctx, tr_trainer_step(t.trainer, &batch, &report), TR_E_INTERRUPTED, "interrupted");
  CHECK_OK(ctx, tr_net_refresh(t.s.net));
  tr_ctx_set_interrupt(ctx, NULL);
  flag = 0;
  double *after = values(arena(&t, 0));
  CHECK(tr_trainer_steps(t.trainer) == 3);
  CHECK(memcmp(before, after, (size_t)arena(&t, 0)->count * sizeof *after) == 0);
  free(before), free(after);
  close_training(&t);
}

/* Elsewhere these are steps like any other. */
static void all_kinds(tr_ctx *ctx) {
  same_bits(ctx, (plan){.dtype = TR_F64, .at_once = 2, .recompute = true}, 3, 2);
  same_bits(ctx, (plan){.dtype = TR_F32, .at_once = 1}, 5, 2); /* every other row begins between 16 bytes */
  same_bits(ctx, (plan){.dtype = TR_F64, .mlp = true, .at_once = 4}, 2, 2);
  launches(ctx, (plan){.dtype = TR_F32}, 1);
  launches(ctx, (plan){.dtype = TR_F32, .at_once = 2, .recompute = true}, 3);
  between(ctx);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, networks_register(ctx));
  same_bits(ctx, (plan){.dtype = TR_F32}, 1, 1);
  if (tr_record_possible(ctx)) all_kinds(ctx);
  stopped(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
