#include "core/data/loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/data/loader_private.h"
#include "core/data/order.h"
#include "core/require_private.h"
#include "core/text.h"

enum {
  LOOK_AGAIN = 20,  /* milliseconds between looks at the interrupt flag */
  WARNED_MOST = 10, /* pictures that are warned of by name */
  WORKERS_MOST = 4, /* by default, as many as SiT's code has */
  ROWS_AHEAD = 32
};

/* ---- options ---- */

static tr_status check_number(tr_ctx *ctx, const char *name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "%s %lld of a loader: use %lld to %lld", name, (long long)value,
                 (long long)low, (long long)high);
}

static tr_status check_options(tr_ctx *ctx, const tr_loader_options *o) {
  TR_TRY(check_number(ctx, "image_size", o->image_size, 0, 65536));
  TR_TRY(check_number(ctx, "batch", o->batch, 1, INT32_MAX));
  TR_TRY(check_number(ctx, "first", o->first, 0, o->batch - 1));
  TR_TRY(check_number(ctx, "rows", o->rows, 1, o->batch - o->first));
  TR_TRY(check_number(ctx, "workers", o->workers, -1, 1024));
  TR_TRY(check_number(ctx, "ahead", o->ahead, -1, 65536));
  TR_TRY(check_number(ctx, "keep", o->keep, 0, INT64_MAX));
  if (o->dtype == TR_F32 || o->dtype == TR_F64) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "rows of %s: a loader makes f32 and f64", tr_dtype_name(o->dtype));
}

/* ---- opening and closing ---- */

static int64_t row_of(const tr_loader_info *about) {
  int64_t row = 1;
  for (int i = 0; i < about->ndim; i++) row *= about->shape[i];
  return row;
}

static bool open_slot(const tr_loader *l, tr_loader_slot *s) {
  const size_t rows = (size_t)l->options.rows;
  s->wanted = calloc(rows, sizeof *s->wanted);
  s->taken = calloc(rows, sizeof *s->taken);
  s->labels = calloc(rows, sizeof *s->labels);
  s->x = calloc(rows, l->row_bytes);
  return s->wanted && s->taken && s->labels && s->x;
}

static void close_slot(tr_loader_slot *s) {
  free(s->wanted);
  free(s->taken);
  free(s->labels);
  free(s->x);
}

/* The caller's thread makes rows when they are asked for, and no others. */
static tr_status make_slots(tr_loader *l) {
  const int n = l->options.workers ? l->options.ahead + 1 : 1;
  l->slots = calloc((size_t)n, sizeof *l->slots);
  bool there = l->slots != NULL;
  for (; there && l->n_slots < n; l->n_slots++) there = open_slot(l, &l->slots[l->n_slots]);
  return there ? TR_OK
               : TR_FAIL(l->ctx, TR_E_MEM, "out of memory for %d batches of %lld rows", n,
                         (long long)l->options.rows);
}

/* Pictures stay in memory where all of them may. */
static tr_status make_states(tr_loader *l) {
  const int64_t n = l->source.about.n, row = row_of(&l->source.about);
  if (!l->source.is_folder) return TR_OK;
  l->state = calloc((size_t)n, 1);
  if (n <= l->options.keep / row) l->kept = calloc((size_t)n, (size_t)row);
  if (l->state && (l->kept || n > l->options.keep / row)) return TR_OK;
  return TR_FAIL(l->ctx, TR_E_MEM, "out of memory for %lld pictures", (long long)n);
}

/* Numbers that are left to the loader. */
static void choose(tr_loader *l) {
  tr_loader_options *o = &l->options;
  const int threads = tr_ctx_threads(l->ctx), most = l->source.about.in_memory ? 0 : WORKERS_MOST;
  if (o->workers < 0) o->workers = threads < most ? threads : most;
  if (o->ahead < 0) o->ahead = (int)(o->rows < ROWS_AHEAD / 2 ? ROWS_AHEAD / o->rows : 2);
}

static tr_status open_parts(tr_loader *l, const char *path) {
  tr_loader_info *about = &l->source.about;
  TR_TRY(check_options(l->ctx, &l->options));
  TR_TRY(tr_source_open(l->ctx, path, &l->options, &l->source));
  choose(l);
  about->steps = about->n / l->options.batch;
  l->row_bytes = (size_t)row_of(about) * tr_dtype_size(l->options.dtype);
  l->order = malloc((size_t)about->n * sizeof *l->order);
  if (!l->order)
    return TR_FAIL(l->ctx, TR_E_MEM, "out of memory for an order of %lld inputs", (long long)about->n);
  TR_TRY(make_states(l));
  return make_slots(l);
}

/* The condition is waited for by a clock that nobody sets. */
static void make_conditions(tr_loader *l) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->work, NULL);
  pthread_cond_init(&l->ready, &attributes);
  pthread_condattr_destroy(&attributes);
}

tr_status tr_loader_open(tr_ctx *ctx, const char *path, const tr_loader_options *options, tr_loader **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, path, options, out);
  tr_loader *l = calloc(1, sizeof *l);
  if (!l) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a loader");
  l->ctx = ctx;
  l->options = *options;
  l->epoch = -1;
  make_conditions(l);
  tr_status status = open_parts(l, path);
  if (status == TR_OK)
    *out = l;
  else
    tr_loader_close(&l);
  return status;
}

void tr_loader_close(tr_loader **loader) {
  if (!loader || !*loader) return;
  tr_loader *l = *loader;
  tr_loader_stop(l);
  for (int i = 0; l->slots && i < l->n_slots; i++) close_slot(&l->slots[i]);
  for (int64_t i = 0; i < l->n_bad; i++) free(l->bad[i].why);
  pthread_cond_destroy(&l->ready);
  pthread_cond_destroy(&l->work);
  pthread_mutex_destroy(&l->lock);
  tr_source_close(&l->source);
  free(l->slots);
  free(l->order);
  free(l->state);
  free(l->kept);
  free(l->bad);
  free(l->told);
  free(l);
  *loader = NULL;
}

/* ---- planning ---- */

static tr_status order_for(tr_loader *l, int64_t epoch) {
  if (l->epoch == epoch) return TR_OK;
  l->epoch = epoch;
  if (l->options.in_order) {
    for (int64_t i = 0; i < l->source.about.n; i++) l->order[i] = i;
    return TR_OK;
  }
  return tr_draw_order(l->ctx, l->options.seed, epoch, l->source.about.n, l->order);
}

/* The inputs of a step into its slot, which nobody uses. */
static tr_status plan(tr_loader *l, int64_t step) {
  const int64_t each = l->source.about.steps;
  tr_loader_slot *s = tr_loader_slot_of(l, step);
  TR_TRY(order_for(l, step / each));
  const int64_t first = step % each * l->options.batch + l->options.first;
  memcpy(s->wanted, l->order + first, (size_t)l->options.rows * sizeof *s->wanted);
  s->step = step;
  s->begun = s->done = 0;
  s->failed_row = l->options.rows;
  return TR_OK;
}

static tr_status check_interrupt(tr_loader *l, int64_t step) {
  if (!tr_ctx_interrupted(l->ctx)) return TR_OK;
  return TR_FAIL(l->ctx, TR_E_INTERRUPTED, "interrupted while the rows of step %lld were awaited",
                 (long long)step);
}

/* Under the lock: until a row is ready, or it is time to look at the flag. */
static void wait_a_moment(tr_loader *l) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += LOOK_AGAIN * 1000000L;
  if (until.tv_nsec >= 1000000000L) until.tv_sec++, until.tv_nsec -= 1000000000L;
  pthread_cond_timedwait(&l->ready, &l->lock, &until);
}

/* Under the lock: forgets the plans, when the rows that are being made are. */
static tr_status begin_at(tr_loader *l, int64_t step) {
  if (l->next == step && l->planned > step) return TR_OK;
  l->next = -1;
  l->planned = l->begun; /* nobody takes another row */
  while (l->busy) {
    TR_TRY(check_interrupt(l, step));
    wait_a_moment(l);
  }
  l->next = l->begun = l->planned = step;
  return TR_OK;
}

/* Under the lock: plans as many steps as there are slots. */
static tr_status plan_ahead(tr_loader *l) {
  while (l->planned < l->next + l->n_slots && l->planned <= UINT32_MAX) {
    TR_TRY(plan(l, l->planned));
    l->planned++;
  }
  if (l->n_workers) pthread_cond_broadcast(&l->work);
  return TR_OK;
}

/* Under the lock. */
static tr_status await(tr_loader *l, const tr_loader_slot *s) {
  while (s->done < l->options.rows) {
    TR_TRY(check_interrupt(l, s->step));
    if (l->n_workers)
      wait_a_moment(l);
    else
      tr_loader_make_one(l, l->reader);
  }
  return TR_OK;
}

/* ---- what could not be used ---- */

static tr_loader_bad *bad_of(tr_loader *l, int64_t input) {
  for (int64_t i = 0; i < l->n_bad; i++)
    if (l->bad[i].input == input) return &l->bad[i];
  return NULL;
}

static tr_status tell(tr_loader *l, tr_loader_bad *b) {
  if (b->told) return TR_OK;
  if (l->n_told == l->told_room) {
    const int64_t room = l->told_room ? 2 * l->told_room : 16;
    char **longer = realloc(l->told, (size_t)room * sizeof *longer);
    if (!longer) return TR_FAIL(l->ctx, TR_E_MEM, "out of memory for %lld messages", (long long)room);
    l->told = longer;
    l->told_room = room;
  }
  b->told = true;
  l->told[l->n_told++] = b->why;
  if (l->n_told <= WARNED_MOST)
    tr_ctx_warn(l->ctx, "skipped: %s", b->why);
  else if (l->n_told == WARNED_MOST + 1)
    tr_ctx_warn(l->ctx, "more than %d pictures are skipped: the others are only counted here", WARNED_MOST);
  return TR_OK;
}

/* Tells of the pictures that a row was refused for, in the order in which they were tried. */
static tr_status tell_of_row(tr_loader *l, const tr_loader_slot *s, int64_t row) {
  int64_t input = s->wanted[row];
  for (int64_t k = 0; input != s->taken[row]; k++) {
    tr_loader_bad *b = bad_of(l, input);
    if (b) TR_TRY(tell(l, b));
    input = tr_loader_substitute(l, s, row, input, k);
  }
  return TR_OK;
}

/* Under the lock. */
static tr_status judge(tr_loader *l, const tr_loader_slot *s) {
  for (int64_t row = 0; row < s->failed_row && l->source.is_folder && l->n_bad; row++)
    TR_TRY(tell_of_row(l, s, row));
  if (s->failed_row == l->options.rows) return TR_OK;
  return TR_FAIL(l->ctx, s->error.status, "%s", s->error.message);
}

/* ---- a step ---- */

static tr_status get_step(tr_loader *l, int64_t step) {
  TR_TRY(begin_at(l, step));
  TR_TRY(plan_ahead(l));
  const tr_loader_slot *s = tr_loader_slot_of(l, step);
  TR_TRY(await(l, s));
  TR_TRY(judge(l, s));
  l->next++;
  return TR_OK;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

tr_status tr_loader_step(tr_loader *loader, int64_t step, tr_loader_rows *out) {
  TR_REQUIRE(TR_CTX_OF(loader), loader, out);
  tr_loader *l = loader;
  const double begun = seconds();
  *out = (tr_loader_rows){0};
  if (step < 0 || step > UINT32_MAX)
    return TR_FAIL(l->ctx, TR_E_ARG, "step %lld of a loader: steps lie between 0 and 2^32 - 1",
                   (long long)step);
  if (l->source.about.steps == 0)
    return TR_FAIL(l->ctx, TR_E_ARG, "batches of %lld rows: '%s' has %lld usable inputs",
                   (long long)l->options.batch, TR_SHOW(l->source.path, 200), (long long)l->source.about.n);
  TR_TRY(tr_loader_start(l));
  pthread_mutex_lock(&l->lock);
  const tr_status status = get_step(l, step);
  pthread_mutex_unlock(&l->lock);
  l->waited += seconds() - begun;
  if (status != TR_OK) return status;
  const tr_loader_slot *s = tr_loader_slot_of(l, step);
  *out = (tr_loader_rows){.x = s->x, .labels = l->source.labelled ? s->labels : NULL};
  return TR_OK;
}

/* ---- what there is to know ---- */

tr_loader_info tr_loader_about(const tr_loader *loader) {
  return loader ? loader->source.about : (tr_loader_info){0};
}

double tr_loader_waited(const tr_loader *loader) {
  return loader ? loader->waited : 0;
}

int64_t tr_loader_skipped(const tr_loader *loader) {
  return loader ? loader->n_told : 0;
}

const char *tr_loader_skipped_why(const tr_loader *loader, int64_t i) {
  return loader && i >= 0 && i < loader->n_told ? loader->told[i] : NULL;
}

tr_status tr_loader_digest(const tr_loader *loader, char hex[TR_SHA256_TEXT]) {
  TR_REQUIRE(TR_CTX_OF(loader), loader, hex);
  return tr_source_digest(&loader->source, hex);
}
