/* The pass of a training step: some rows at a time meet their noise, go forward, and the losses of what the
 * network says go back. What the host has to send is sent before; the rest is one recording
 * (core/record/record.h) for each number of rows, wherever in the batch they lie. On several ranks it is cut
 * where the host begins sums of the gradient. */
#include "core/error/fit_private.h"
#include "core/record/record.h"
#include "core/vec/vec.h"
#include "nets/net_private.h"
#include "nets/train/trainer_private.h"
#include "transport/loss/loss_private.h"

/* Some rows of a step, on their way through the network. */
typedef struct {
  tr_trainer *trainer;
  const tr_array *x1, *x0; /* of all rows */
  int64_t first;
} piece;

/* ---- what is asked of the network ---- */

typedef struct {
  const piece *piece;
  tr_array x1, x0, path, residual, loss; /* of its rows */
  tr_array x;                            /* where they meet */
  tr_times times;
  tr_cond labels;
  tr_net_backward_args args;
} call;

static tr_status covector(void *user, int64_t first, const tr_array *f, tr_array *w) {
  const piece *p = ((const call *)user)->piece;
  const int64_t at = p->first + first, n = f->shape[0];
  tr_array x1 = tr_rows(p->x1, at, n), x0 = tr_rows(p->x0, at, n), loss = tr_rows(p->trainer->loss, at, n);
  return tr_loss_rows_eval(p->trainer->numbers, at, f, &x1, &x0, 1 / (double)p->trainer->o.batch, &loss, w);
}

/* Sums over the ranks begin. */
static tr_status begin_sums(void *user, int64_t from) {
  return tr_trainer_finished(((const call *)user)->piece->trainer, (int)from);
}

static tr_status finished(void *user, int from) {
  return tr_record_aside(((const call *)user)->piece->trainer->ctx, begin_sums, user, from);
}

static const tr_cond *labels_of(const call *c) {
  return tr_net_info_of(c->piece->trainer->net)->num_classes ? &c->labels : NULL;
}

/* For n rows. */
static tr_status fill_call(const piece *p, int64_t n, call *c) {
  tr_trainer *trainer = p->trainer;
  const bool last = p->first + n == trainer->o.rows;
  *c = (call){.piece = p,
              .x1 = tr_rows(p->x1, p->first, n),
              .x0 = tr_rows(p->x0, p->first, n),
              .loss = tr_rows(trainer->loss, p->first, n),
              .x = tr_rows(trainer->x, 0, n),
              .times = {n, trainer->t + p->first},
              .labels = {n, trainer->labels + p->first},
              .args = {.want = TR_GRAD_PARAMS,
                       .covector = covector,
                       .finished = last && tr_trainer_sums_early(trainer) ? finished : NULL,
                       .user = c,
                       .gradient = trainer->gradient}};
  return tr_loss_rows_numbers(trainer->numbers, p->first, n, &c->path, &c->residual);
}

/* ---- a piece in two halves ---- */

static tr_status launch(void *user) {
  call *c = user;
  tr_trainer *trainer = c->piece->trainer;
  TR_TRY(tr_loss_rows_interpolate(trainer->numbers, c->piece->first, &c->x1, &c->x0, &c->x));
  return tr_net_launch_back(trainer->net, c->times, &c->x, labels_of(c), &c->args);
}

static tr_status record_launch(call *c) {
  tr_trainer *trainer = c->piece->trainer;
  const tr_record_call r = {.key = {trainer, {c->times.n, c->args.finished != NULL}},
                            .what = "the pass of a training step",
                            .t = c->times.t[0],
                            .n_moving = 5,
                            .moving = {&c->x1, &c->x0, &c->path, &c->residual, &c->loss},
                            .body = launch,
                            .user = c,
                            .aside = begin_sums};
  return tr_record(trainer->ctx, &r);
}

static tr_status pass_piece(const piece *p, int64_t n) {
  call c;
  TR_TRY(fill_call(p, n, &c));
  TR_TRY(tr_net_begin_back(p->trainer->net, c.times, &c.x, labels_of(&c), &c.args));
  return p->trainer->net->type->send ? record_launch(&c) : launch(&c);
}

/* ---- all rows ---- */

static bool would_fit(void *user, int64_t n) {
  const piece *p = user;
  return tr_net_begin_anew(p->trainer->net) == TR_OK && pass_piece(p, n) == TR_OK;
}

static tr_status pass_or_tell(piece *p, int64_t n) {
  const bool failed_before = tr_ctx_failed(p->trainer->ctx);
  const tr_status status = pass_piece(p, n);
  return status == TR_E_MEM && !failed_before ? tr_tell_what_fits(p->trainer->ctx, n, would_fit, p) : status;
}

tr_status tr_trainer_pass(tr_trainer *trainer, const tr_train_batch *batch) {
  piece p = {.trainer = trainer, .x1 = batch->x1, .x0 = batch->x0 ? batch->x0 : trainer->x0};
  TR_TRY(tr_loss_rows_set(trainer->numbers, &trainer->o.loss, (tr_times){trainer->o.rows, trainer->t},
                          trainer->o.rows));
  TR_TRY(tr_fill(0, trainer->gradient));
  for (; p.first < trainer->o.rows; p.first += trainer->o.rows_at_once) {
    const int64_t left = trainer->o.rows - p.first;
    TR_TRY(pass_or_tell(&p, left < trainer->o.rows_at_once ? left : trainer->o.rows_at_once));
  }
  return TR_OK;
}
