/* The rows of planned steps, made on threads. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/loader_private.h"
#include "core/data/order.h"

tr_loader_slot *tr_loader_slot_of(const tr_loader *l, int64_t step) {
  return &l->slots[step % l->n_slots];
}

/* ---- one picture ---- */

static tr_picture_state state_of(tr_loader *l, int64_t input) {
  pthread_mutex_lock(&l->lock);
  const tr_picture_state state = (tr_picture_state)l->state[input];
  pthread_mutex_unlock(&l->lock);
  return state;
}

/* Under the lock. */
static tr_status append_bad(tr_loader *l, tr_ctx *ctx, int64_t input, const char *why) {
  if (l->n_bad == l->bad_room) {
    const int64_t room = l->bad_room ? 2 * l->bad_room : 16;
    tr_loader_bad *longer = realloc(l->bad, (size_t)room * sizeof *longer);
    if (!longer) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld skipped pictures", (long long)room);
    l->bad = longer;
    l->bad_room = room;
  }
  l->bad[l->n_bad] = (tr_loader_bad){.input = input, .why = strdup(why)};
  if (!l->bad[l->n_bad].why) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a message");
  l->n_bad++;
  l->state[input] = TR_PICTURE_BAD;
  return TR_OK;
}

/* Notes the error that the context holds, which is that of the picture. */
static tr_status note_bad(tr_loader *l, tr_ctx *ctx, int64_t input) {
  const tr_error error = *tr_ctx_error(ctx);
  if (error.status == TR_E_MEM) return TR_E_MEM;
  tr_ctx_clear(ctx);
  pthread_mutex_lock(&l->lock);
  tr_status status = TR_OK;
  if (l->state[input] != TR_PICTURE_BAD) status = append_bad(l, ctx, input, error.message);
  pthread_mutex_unlock(&l->lock);
  return status;
}

static void keep(tr_loader *l, int64_t input, const uint8_t *picture) {
  const int64_t *shape = l->source.about.shape;
  const size_t size = (size_t)(3 * shape[1] * shape[2]);
  pthread_mutex_lock(&l->lock);
  if (l->state[input] == TR_PICTURE_UNREAD) {
    memcpy(l->kept + (size_t)input * size, picture, size);
    l->state[input] = TR_PICTURE_KEPT;
  }
  pthread_mutex_unlock(&l->lock);
}

typedef struct {
  const uint8_t *bytes; /* NULL: the picture cannot be used */
  uint8_t *owned;
} found_picture;

static tr_status find_picture(tr_loader *l, tr_ctx *ctx, int64_t input, found_picture *out) {
  const int64_t *shape = l->source.about.shape;
  const tr_picture_state state = state_of(l, input);
  *out = (found_picture){0};
  if (state == TR_PICTURE_BAD) return TR_OK;
  if (state == TR_PICTURE_KEPT) {
    out->bytes = l->kept + (size_t)(input * 3 * shape[1] * shape[2]);
    return TR_OK;
  }
  const tr_status status = tr_source_picture(&l->source, ctx, input, &out->owned);
  if (status != TR_OK && !l->options.strict) return note_bad(l, ctx, input);
  if (status != TR_OK) return status;
  if (l->kept) keep(l, input, out->owned);
  out->bytes = out->owned;
  return TR_OK;
}

/* ---- one row ---- */

int64_t tr_loader_substitute(const tr_loader *l, const tr_loader_slot *s, int64_t row, int64_t input,
                             int64_t k) {
  const int64_t n = l->source.about.n;
  return k ? (input + 1) % n : tr_draw_substitute(l->options.seed, s->step, l->options.first + row, n);
}

/* The picture of a row, or of its substitute. */
static tr_status find_usable(tr_loader *l, tr_ctx *ctx, const tr_loader_slot *s, int64_t row, int64_t *input,
                             found_picture *out) {
  *input = s->wanted[row];
  for (int64_t k = 0; k <= l->source.about.n; k++) {
    TR_TRY(find_picture(l, ctx, *input, out));
    if (out->bytes) return TR_OK;
    *input = tr_loader_substitute(l, s, row, *input, k);
  }
  return TR_FAIL(ctx, TR_E_IO, "no picture of '%s' can be used", l->source.path);
}

static tr_status make_row(tr_loader *l, tr_ctx *ctx, const tr_loader_slot *s, int64_t row) {
  found_picture picture = {0};
  int64_t input = s->wanted[row];
  if (l->source.is_folder) TR_TRY(find_usable(l, ctx, s, row, &input, &picture));
  s->taken[row] = input;
  const bool flip = l->options.flip && tr_draw_flip(l->options.seed, s->step, l->options.first + row);
  tr_source_row(&l->source, input, picture.bytes, flip, l->options.dtype,
                (char *)s->x + (size_t)row * l->row_bytes);
  s->labels[row] = tr_source_label(&l->source, input);
  free(picture.owned);
  return TR_OK;
}

/* Of several rows that fail the first counts, whoever was the faster. */
static void note_failure(tr_loader_slot *s, int64_t row, tr_ctx *ctx) {
  if (row < s->failed_row) {
    s->failed_row = row;
    s->error = *tr_ctx_error(ctx);
  }
  tr_ctx_clear(ctx);
}

bool tr_loader_make_one(tr_loader *l, tr_ctx *ctx) {
  if (l->begun >= l->planned) return false;
  tr_loader_slot *s = tr_loader_slot_of(l, l->begun);
  const int64_t row = s->begun++;
  if (s->begun == l->options.rows) l->begun++;
  l->busy++;
  pthread_mutex_unlock(&l->lock);
  const tr_status status = make_row(l, ctx, s, row);
  pthread_mutex_lock(&l->lock);
  if (status != TR_OK) note_failure(s, row, ctx);
  s->done++;
  l->busy--;
  if (s->done == l->options.rows || l->busy == 0) pthread_cond_signal(&l->ready);
  return true;
}

/* ---- threads ---- */

static void *work(void *argument) {
  tr_loader_worker *w = argument;
  tr_loader *l = w->loader;
  pthread_mutex_lock(&l->lock);
  while (!l->stop)
    if (!tr_loader_make_one(l, w->ctx)) pthread_cond_wait(&l->work, &l->lock);
  pthread_mutex_unlock(&l->lock);
  return NULL;
}

static tr_status start_one(tr_loader *l, tr_loader_worker *w) {
  tr_error error;
  *w = (tr_loader_worker){.loader = l};
  if (tr_ctx_open("cpu", 0, &w->ctx, &error) != TR_OK)
    return TR_FAIL(l->ctx, error.status, "a worker of a loader: %s", error.message);
  const int reason = pthread_create(&w->thread, NULL, work, w);
  if (reason == 0) return TR_OK;
  tr_ctx_close(&w->ctx);
  return TR_FAIL(l->ctx, TR_E_MEM, "worker %d of a loader cannot be started: %s", l->n_workers + 1,
                 strerror(reason));
}

static tr_status open_reader(tr_loader *l) {
  tr_error error;
  if (l->reader || tr_ctx_open("cpu", 0, &l->reader, &error) == TR_OK) return TR_OK;
  return TR_FAIL(l->ctx, error.status, "the reader of a loader: %s", error.message);
}

/* Signals are for the caller's threads. */
tr_status tr_loader_start(tr_loader *l) {
  sigset_t all, before;
  if (l->options.workers == 0) return open_reader(l);
  if (l->workers) return TR_OK;
  l->workers = calloc((size_t)l->options.workers, sizeof *l->workers);
  if (!l->workers) return TR_FAIL(l->ctx, TR_E_MEM, "out of memory for workers");
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  tr_status status = TR_OK;
  while (l->n_workers < l->options.workers && status == TR_OK) {
    status = start_one(l, &l->workers[l->n_workers]);
    if (status == TR_OK) l->n_workers++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return status;
}

void tr_loader_stop(tr_loader *l) {
  pthread_mutex_lock(&l->lock);
  l->stop = true;
  pthread_cond_broadcast(&l->work);
  pthread_mutex_unlock(&l->lock);
  for (int i = 0; i < l->n_workers; i++) {
    pthread_join(l->workers[i].thread, NULL);
    tr_ctx_close(&l->workers[i].ctx);
  }
  free(l->workers);
  tr_ctx_close(&l->reader);
}
