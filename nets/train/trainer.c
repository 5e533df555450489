#include "nets/train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/record/record.h"
#include "core/require_private.h"
#include "core/vec/vec.h"
#include "nets/train/draws_private.h"
#include "nets/train/power.h"
#include "nets/train/trainer_private.h"

#define BUCKET                                                                                               \
  ((int64_t)2 << 20) /* elements of the gradient that are summed together (docs/performance.md) */
#define MOST_STEPS ((int64_t)UINT32_MAX - 1)

void tr_trainer_defaults(tr_trainer_options *o) {
  if (!o) return;
  *o = (tr_trainer_options){.label_dropout = 0.1,
                            .schedule = {.kind = TR_SCHEDULE_CONSTANT, .rate = 1e-4},
                            .times = {.t1 = 1, .deviation = 1},
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .eps = 1e-8,
                            .clip = INFINITY,
                            .n_averages = 1,
                            .keep = {0.9999}};
}

/* ---- creating ---- */

static tr_status check_batch_options(tr_ctx *ctx, const tr_trainer_options *o) {
  if (o->batch < 1) return TR_FAIL(ctx, TR_E_ARG, "a batch of %lld rows: at least one", (long long)o->batch);
  if (o->rows < 1 || o->first < 0 || o->first > o->batch - o->rows)
    return TR_FAIL(ctx, TR_E_ARG, "rows %lld to %lld of a batch of %lld", (long long)o->first,
                   (long long)(o->first + o->rows), (long long)o->batch);
  if (o->rows_at_once < 0)
    return TR_FAIL(ctx, TR_E_ARG, "%lld rows at once: use 0 (all) or more", (long long)o->rows_at_once);
  return TR_OK;
}

static tr_status check_averages(tr_ctx *ctx, const tr_trainer_options *o) {
  if (o->n_averages < 0 || o->n_averages > TR_NN_AVERAGES)
    return TR_FAIL(ctx, TR_E_ARG, "%d running averages: use 0 to %d", o->n_averages, TR_NN_AVERAGES);
  for (int i = 0; i < o->n_averages; i++)
    if (o->sigma_rel[i] == 0 && !(o->keep[i] >= 0 && o->keep[i] <= 1))
      return TR_FAIL(ctx, TR_E_ARG, "a running average that keeps %g: use 0 to 1", o->keep[i]);
  return TR_OK;
}

static tr_status find_gammas(tr_trainer *trainer) {
  for (int i = 0; i < TR_NN_AVERAGES; i++) {
    trainer->gamma[i] = -1;
    if (i < trainer->o.n_averages && trainer->o.sigma_rel[i] != 0)
      TR_TRY(tr_power_gamma(trainer->ctx, trainer->o.sigma_rel[i], &trainer->gamma[i]));
  }
  return TR_OK;
}

static tr_status check_adamw(tr_ctx *ctx, const tr_trainer_options *o) {
  const struct {
    const char *name;
    double value;
  } beta[] = {{"beta1", o->beta1}, {"beta2", o->beta2}}, other[] = {{"eps", o->eps}, {"decay", o->decay}};
  for (int i = 0; i < 2; i++) {
    if (!(beta[i].value >= 0 && beta[i].value < 1))
      return TR_FAIL(ctx, TR_E_ARG, "AdamW with %s = %g: use a number from 0 to below 1", beta[i].name,
                     beta[i].value);
    if (!(other[i].value >= 0 && isfinite(other[i].value)))
      return TR_FAIL(ctx, TR_E_ARG, "AdamW with %s = %g: use a number >= 0", other[i].name, other[i].value);
  }
  return TR_OK;
}

static tr_status check_options(tr_net *net, const tr_trainer_options *o) {
  tr_ctx *ctx = tr_net_ctx(net);
  if (!tr_net_params(net))
    return TR_FAIL(ctx, TR_E_ARG,
                   "a network without parameters cannot be trained: make it with options.trained");
  if (!o->loss.interpolant.type || !o->loss.prediction || !o->loss.weight)
    return TR_FAIL(ctx, TR_E_ARG, "a training without a loss: its path, prediction and weight are to be set");
  TR_TRY(tr_schedule_check(ctx, &o->schedule));
  TR_TRY(tr_time_law_check(ctx, &o->times));
  TR_TRY(check_adamw(ctx, o));
  TR_TRY(check_batch_options(ctx, o));
  TR_TRY(check_averages(ctx, o));
  if (!(o->clip > 0)) return TR_FAIL(ctx, TR_E_ARG, "gradients clipped to %g: use a number > 0", o->clip);
  if (!(o->label_dropout >= 0 && o->label_dropout <= 1))
    return TR_FAIL(ctx, TR_E_ARG, "labels dropped with probability %g: use 0 to 1", o->label_dropout);
  if (o->label_dropout > 0 && tr_net_info_of(net)->null_class < 0)
    return TR_FAIL(ctx, TR_E_ARG, "labels dropped with probability %g: the network has no null class",
                   o->label_dropout);
  return TR_OK;
}

static tr_status make_states(tr_trainer *trainer, int64_t n, tr_array **out) {
  int64_t shape[TR_MAX_DIMS];
  const int ndim = tr_net_states(tr_net_info_of(trainer->net), n, shape);
  return tr_array_create(trainer->ctx, tr_net_dtype(trainer->net), ndim, shape, out);
}

static tr_status make_arenas(tr_trainer *trainer) {
  TR_TRY(tr_params_like(trainer->params, &trainer->gradient));
  TR_TRY(tr_params_like(trainer->params, &trainer->first));
  TR_TRY(tr_params_like(trainer->params, &trainer->second));
  for (int i = 0; i < trainer->o.n_averages; i++) {
    TR_TRY(tr_params_like(trainer->params, &trainer->average[i]));
    TR_TRY(tr_array_copy(tr_params_values(trainer->params), trainer->average[i]));
  }
  return TR_OK;
}

static tr_status make_rows(tr_trainer *trainer) {
  const size_t rows = (size_t)trainer->o.rows;
  TR_TRY(make_states(trainer, trainer->o.rows_at_once, &trainer->x));
  TR_TRY(make_states(trainer, trainer->o.rows, &trainer->x0));
  TR_TRY(tr_array_create(trainer->ctx, TR_F64, 1, &trainer->o.rows, &trainer->loss));
  TR_TRY(tr_loss_rows_create(trainer->ctx, trainer->o.rows, &trainer->numbers));
  trainer->t = calloc(rows, sizeof *trainer->t);
  trainer->each = calloc(rows, sizeof *trainer->each);
  trainer->labels = calloc(rows, sizeof *trainer->labels);
  return trainer->t && trainer->each && trainer->labels
             ? TR_OK
             : TR_FAIL(trainer->ctx, TR_E_MEM, "out of memory for a training with %zu rows a step", rows);
}

tr_status tr_trainer_create(tr_net *net, const tr_trainer_options *options, tr_trainer **out) {
  if (out) *out = NULL;
  TR_REQUIRE(tr_net_ctx(net), net, options, out);
  tr_trainer_options o = *options;
  if (o.rows == 0) o.rows = o.batch;
  TR_TRY(check_options(net, &o));
  if (o.rows_at_once == 0 || o.rows_at_once > o.rows) o.rows_at_once = o.rows;
  tr_trainer *trainer = calloc(1, sizeof *trainer);
  if (!trainer) return TR_FAIL(tr_net_ctx(net), TR_E_MEM, "out of memory for a training");
  *trainer = (tr_trainer){
      .ctx = tr_net_ctx(net), .net = net, .params = tr_net_params(net), .o = o, .bucket = BUCKET};
  tr_status status = find_gammas(trainer);
  if (status == TR_OK) status = make_arenas(trainer);
  if (status == TR_OK) status = make_rows(trainer);
  if (status != TR_OK) tr_trainer_destroy(&trainer);
  *out = trainer;
  return status;
}

void tr_trainer_destroy(tr_trainer **owner) {
  if (!owner || !*owner) return;
  tr_trainer *trainer = *owner;
  tr_record_drop(trainer->ctx, trainer);
  tr_array **arrays[] = {&trainer->gradient, &trainer->first, &trainer->second,
                         &trainer->x,        &trainer->x0,    &trainer->loss};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
  for (int i = 0; i < TR_NN_AVERAGES; i++) tr_array_destroy(&trainer->average[i]);
  tr_loss_rows_destroy(&trainer->numbers);
  free(trainer->t);
  free(trainer->each);
  free(trainer->labels);
  free(trainer);
  *owner = NULL;
}

/* ---- what a step is given, and draws ---- */

static tr_status check_batch(const tr_trainer *trainer, const tr_train_batch *batch) {
  const tr_net_info *info = tr_net_info_of(trainer->net);
  char a[80], b[80];
  if (!tr_array_same_shape(batch->x1, trainer->x0) || batch->x1->dtype != trainer->x0->dtype)
    return TR_FAIL(trainer->ctx, TR_E_SHAPE, "a training step on %s: %s is needed",
                   tr_array_describe(batch->x1, a, sizeof a), tr_array_describe(trainer->x0, b, sizeof b));
  if (!batch->x0 != !batch->t)
    return TR_FAIL(trainer->ctx, TR_E_ARG, "a training step is given noise or times: give both or neither");
  if (!batch->labels != !info->num_classes)
    return TR_FAIL(trainer->ctx, TR_E_ARG, "a training step %s labels of a network %s classes",
                   batch->labels ? "with" : "without", info->num_classes ? "with" : "without");
  for (int64_t i = 0; batch->labels && i < trainer->o.rows; i++)
    if (!tr_net_has_class(info, batch->labels[i]))
      return TR_FAIL(trainer->ctx, TR_E_ARG, "row %lld of a training step has label %ld: classes are 0 to %d",
                     (long long)i, (long)batch->labels[i], info->num_classes - 1);
  return TR_OK;
}

static tr_status draw(tr_trainer *trainer, const tr_train_batch *batch) {
  const tr_train_rows rows = {trainer->o.seed, trainer->steps, trainer->o.first, trainer->o.rows,
                              trainer->o.batch};
  const size_t n = (size_t)trainer->o.rows;
  if (batch->labels) memcpy(trainer->labels, batch->labels, n * sizeof *trainer->labels);
  if (batch->t) {
    memcpy(trainer->t, batch->t, n * sizeof *trainer->t);
    return TR_OK;
  }
  TR_TRY(tr_draw_times(trainer->ctx, &rows, &trainer->o.times, trainer->t));
  if (batch->labels)
    TR_TRY(tr_draw_dropout(trainer->ctx, &rows, trainer->o.label_dropout,
                           (int32_t)tr_net_info_of(trainer->net)->null_class, trainer->labels));
  return tr_randn(&(tr_random_address){.seed = trainer->o.seed,
                                       .purpose = TR_RANDOM_NOISE,
                                       .step = (uint32_t)trainer->steps,
                                       .sample = (uint64_t)trainer->o.first},
                  trainer->x0);
}

/* ---- the step ---- */

static tr_status measure(tr_trainer *trainer, tr_train_report *report) {
  double sum = 0, squares;
  TR_TRY(tr_reduce(TR_SUM_XY, trainer->gradient, trainer->gradient, NULL, &squares));
  TR_TRY(tr_array_download(trainer->loss, trainer->each));
  for (int64_t i = 0; i < trainer->o.rows; i++) sum += trainer->each[i];
  if (trainer->o.comm) TR_TRY(tr_comm_reduce(trainer->o.comm, TR_COMM_SUM, 1, &sum));
  report->loss = sum / (double)trainer->o.batch;
  report->grad_norm = sqrt(squares);
  return TR_OK;
}

/* The first parameter, in the order of the network, with an element that is not finite; -1: there is none. */
tr_status tr_trainer_first_bad(const tr_trainer *trainer, const tr_array *arena, int *out) {
  const int n = tr_params_n(trainer->params);
  double worst = 0;
  *out = -1;
  for (int i = 0; i < n && *out < 0; i++) {
    tr_array part = tr_params_at(trainer->params, arena, i);
    TR_TRY(tr_reduce(TR_MAX_ABS, &part, NULL, NULL, &worst));
    if (!isfinite(worst)) *out = i;
  }
  return TR_OK;
}

static tr_status refuse(const tr_trainer *trainer, const tr_train_report *report) {
  int value, slope;
  TR_TRY(tr_trainer_first_bad(trainer, tr_params_values(trainer->params), &value));
  TR_TRY(tr_trainer_first_bad(trainer, trainer->gradient, &slope));
  const int bad = value >= 0 ? value : slope;
  return TR_FAIL(trainer->ctx, TR_E_NONFINITE,
                 "step %lld: the loss is %g and its gradient has norm %g; the first layer that is "
                 "not finite is %s%s",
                 (long long)report->step, report->loss, report->grad_norm,
                 bad >= 0 ? tr_params_entry(trainer->params, bad)->name : "none",
                 value >= 0   ? ""
                 : slope >= 0 ? " (its gradient)"
                              : "");
}

static tr_status update(tr_trainer *trainer, const tr_train_report *report) {
  const tr_trainer_options *o = &trainer->o;
  tr_array p = tr_params_trained(trainer->params, tr_params_values(trainer->params)),
           g = tr_params_trained(trainer->params, trainer->gradient),
           m = tr_params_trained(trainer->params, trainer->first),
           v = tr_params_trained(trainer->params, trainer->second), average[TR_NN_AVERAGES];
  tr_nn_adamw_args args = {.p = &p,
                           .g = &g,
                           .m = &m,
                           .v = &v,
                           .factor = report->grad_norm > o->clip ? o->clip / report->grad_norm : 1,
                           .rate = report->rate,
                           .beta1 = o->beta1,
                           .beta2 = o->beta2,
                           .eps = o->eps,
                           .decay = o->decay,
                           .step = report->step};
  for (int i = 0; i < o->n_averages; i++) {
    average[i] = tr_params_trained(trainer->params, trainer->average[i]);
    args.average[i] = &average[i];
    args.keep[i] = trainer->gamma[i] >= 0 ? tr_power_keep(trainer->gamma[i], report->step) : o->keep[i];
  }
  TR_TRY(tr_nn_adamw(&args));
  return tr_net_refresh(trainer->net);
}

static tr_status forth_and_back(tr_trainer *trainer, const tr_train_batch *batch) {
  TR_TRY(check_batch(trainer, batch));
  TR_TRY(draw(trainer, batch));
  return tr_trainer_pass(trainer, batch);
}

/* The same on all ranks: one that fails sums what it has, since the others count on it. */
static tr_status pass_together(tr_trainer *trainer, const tr_train_batch *batch) {
  trainer->unsummed = tr_params_trained(trainer->params, trainer->gradient).count;
  const tr_status status = forth_and_back(trainer, batch);
  if (!trainer->o.comm) return status;
  TR_TRY(tr_trainer_sum_rest(trainer));
  return tr_comm_agree(trainer->o.comm, status);
}

tr_status tr_trainer_step(tr_trainer *trainer, const tr_train_batch *batch, tr_train_report *report) {
  TR_REQUIRE(TR_CTX_OF(trainer), trainer, batch, report);
  TR_REQUIRE(trainer->ctx, batch->x1);
  if (trainer->steps >= MOST_STEPS)
    return TR_FAIL(trainer->ctx, TR_E_ARG, "step %lld of a training: it has at most 2^32 - 2",
                   (long long)trainer->steps + 1);
  TR_TRY(pass_together(trainer, batch));
  *report = (tr_train_report){.step = trainer->steps + 1,
                              .rate = tr_schedule_rate(&trainer->o.schedule, trainer->steps)};
  TR_TRY(measure(trainer, report));
  if (!isfinite(report->loss) || !isfinite(report->grad_norm)) return refuse(trainer, report);
  TR_TRY(update(trainer, report));
  trainer->steps++;
  return TR_OK;
}

/* ---- asking with an average ---- */

enum { EXCHANGED = 1 << 20 }; /* elements at once */

static tr_status exchange(tr_array *a, tr_array *b, tr_array *room) {
  for (int64_t first = 0; first < a->count; first += EXCHANGED) {
    const int64_t n = a->count - first < EXCHANGED ? a->count - first : EXCHANGED;
    tr_array x = tr_rows(a, first, n), y = tr_rows(b, first, n), held = tr_rows(room, 0, n);
    TR_TRY(tr_array_copy(&x, &held));
    TR_TRY(tr_array_copy(&y, &x));
    TR_TRY(tr_array_copy(&held, &y));
  }
  return TR_OK;
}

tr_status tr_trainer_exchange(tr_trainer *trainer, int i) {
  TR_REQUIRE(TR_CTX_OF(trainer), trainer);
  tr_array *average = tr_trainer_average(trainer, i), *values = tr_params_values(trainer->params), *room;
  if (!average)
    return TR_FAIL(trainer->ctx, TR_E_ARG, "average %d of a training with %d", i, trainer->o.n_averages);
  const int64_t n = values->count < EXCHANGED ? values->count : EXCHANGED;
  TR_TRY(tr_array_create(trainer->ctx, values->dtype, 1, &n, &room));
  tr_status status = exchange(values, average, room);
  if (status == TR_OK) status = tr_net_refresh(trainer->net);
  tr_array_destroy(&room);
  return status;
}

/* ---- what a checkpoint holds ---- */

tr_array *tr_trainer_first_moment(const tr_trainer *trainer) {
  return trainer ? trainer->first : NULL;
}

tr_array *tr_trainer_second_moment(const tr_trainer *trainer) {
  return trainer ? trainer->second : NULL;
}

tr_array *tr_trainer_average(const tr_trainer *trainer, int i) {
  return trainer && i >= 0 && i < trainer->o.n_averages ? trainer->average[i] : NULL;
}

double tr_trainer_gamma(const tr_trainer *trainer, int i) {
  return tr_trainer_average(trainer, i) ? trainer->gamma[i] : -1;
}

int64_t tr_trainer_steps(const tr_trainer *trainer) {
  return trainer ? trainer->steps : 0;
}

tr_status tr_trainer_set_steps(tr_trainer *trainer, int64_t steps) {
  TR_REQUIRE(TR_CTX_OF(trainer), trainer);
  if (steps < 0 || steps > MOST_STEPS)
    return TR_FAIL(trainer->ctx, TR_E_ARG, "a training of %lld steps: use 0 to 2^32 - 2", (long long)steps);
  trainer->steps = steps;
  return TR_OK;
}
