/* Evaluations of networks as recordings: the results are those of operations one by one, bit for bit, for any
 * arrays, times and labels, batches, types, with guidance and without, forward, back and sideways; one launch
 * each, and the time that is sent; and what a provider counts does not depend on it. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>
#include <string.h>

#include "core/record/record.h"
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/simt/counters.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"
#include "tests/support/problems/scene.h"
#include "transport/guidance.h"

enum { FORWARD, BACK, SIDEWAYS, ASKED };

/* As many states as a call takes, at several places in memory. */
typedef struct {
  tr_array *x[2], *v[2], *f[2], *product[2];
} places;

static void open_places(tr_ctx *ctx, const scene *s, places *p) {
  for (int i = 0; i < 2; i++) {
    CHECK_OK(ctx, tr_array_like(s->x, &p->x[i]));
    CHECK_OK(ctx, tr_array_like(s->x, &p->v[i]));
    CHECK_OK(ctx, tr_array_like(s->x, &p->f[i]));
    CHECK_OK(ctx, tr_array_like(s->x, &p->product[i]));
  }
}

/* The scene's states at both. */
static void open_filled_places(tr_ctx *ctx, const scene *s, places *p) {
  open_places(ctx, s, p);
  for (int i = 0; i < 2; i++) {
    CHECK_OK(ctx, tr_array_copy(s->x, p->x[i]));
    CHECK_OK(ctx, tr_array_copy(s->w, p->v[i]));
  }
}

static void close_places(places *p) {
  for (int i = 0; i < 2; i++) {
    tr_array_destroy(&p->x[i]);
    tr_array_destroy(&p->v[i]);
    tr_array_destroy(&p->f[i]);
    tr_array_destroy(&p->product[i]);
  }
}

/* One call at rows `from` .. of the places, into host (2 elements for each of x). */
static void ask(tr_ctx *ctx, tr_drift *drift, int what, const places *p, int i, int64_t n, tr_times times,
                const tr_cond *cond, double *host) {
  tr_array x = tr_rows(p->x[i], 0, n), v = tr_rows(p->v[1 - i], 0, n), f = tr_rows(p->f[i], 0, n),
           product = tr_rows(p->product[1 - i], 0, n);
  memset(host, 0, 2 * (size_t)x.count * sizeof *host);
  if (what == FORWARD) CHECK_OK(ctx, tr_drift_eval(drift, times, &x, cond, &f));
  if (what == BACK) CHECK_OK(ctx, tr_drift_vjp(drift, times, &x, cond, &v, &f, &product));
  if (what == SIDEWAYS) CHECK_OK(ctx, tr_drift_jvp(drift, times, &x, cond, &v, &product));
  if (what != SIDEWAYS) CHECK_OK(ctx, tr_array_get_f64(&f, host));
  if (what != FORWARD) CHECK_OK(ctx, tr_array_get_f64(&product, host + x.count));
}

typedef struct {
  long eval, forward, vjp, jvp, net_forward, net_vjp, net_jvp;
} counted;

static counted counts_of(const tr_drift *d, const tr_net *net) {
  const tr_net_counts n = tr_net_counted(net);
  return (counted){d->n_eval, d->n_forward, d->n_vjp, d->n_jvp, n.n_forward, n.n_vjp, n.n_jvp};
}

static counted more_than(counted a, counted b) {
  return (counted){a.eval - b.eval,      a.forward - b.forward,         a.vjp - b.vjp,
                   a.jvp - b.jvp,        a.net_forward - b.net_forward, a.net_vjp - b.net_vjp,
                   a.net_jvp - b.net_jvp};
}

/* The same call with recordings and without. */
static void check_same(tr_ctx *ctx, const scene *s, tr_drift *drift, int what, const places *p, int i,
                       int64_t n, tr_times times, const tr_cond *cond) {
  const size_t count = 2 * (size_t)(n * s->row);
  double *got = malloc(count * sizeof *got), *want = malloc(count * sizeof *want);
  const counted before = counts_of(drift, s->net);
  ask(ctx, drift, what, p, i, n, times, cond, got);
  const counted recorded = counts_of(drift, s->net);
  tr_record_turn(ctx, false);
  ask(ctx, drift, what, p, i, n, times, cond, want);
  tr_record_turn(ctx, true);
  const counted plain = more_than(counts_of(drift, s->net), recorded), with = more_than(recorded, before);
  CHECK(memcmp(got, want, count * sizeof *got) == 0);
  CHECK(memcmp(&plain, &with, sizeof plain) == 0);
  free(got);
  free(want);
}

/* Other times, labels, places, numbers of rows and kinds of calls, in turns. */
static void any_order(tr_ctx *ctx, const scene *s, tr_drift *drift, const places *p) {
  for (int round = 0; round < 10; round++)
    for (int what = FORWARD; what < ASKED; what++) {
      const int64_t n = s->rows - 1 - (round % 3 == 2); /* either place has as many behind row 1 */
      tr_cond each = scene_cond(s, round % 2, n), one = each;
      if (each.labels) one.n = 1;
      const tr_times own = scene_times(s, round % 2, n), common = {1, own.t + round % 4};
      const bool shared = round % 4 < 2;
      check_same(ctx, s, drift, what, p, round % 2, n, shared ? common : own, round % 4 == 1 ? &one : &each);
    }
}

/* From the third on a call is one launch of a graph, and of small copies the time and where the arrays are.
 */
static void launches(tr_ctx *ctx, const scene *s, tr_drift *drift, const places *p) {
  simt_counters before, after;
  tr_cond cond = scene_cond(s, 0, s->rows);
  const bool counts = simt_counted(&before) && tr_record_possible(ctx);
  for (int what = FORWARD; what < ASKED && counts; what++)
    for (int call = 0; call < 6; call++) {
      const double t = 0.1 + 0.1 * call;
      tr_array f = *p->f[0], x = *p->x[0], product = *p->product[1], v = *p->v[1];
      const tr_counts earlier = tr_ctx_counts(ctx);
      simt_counted(&before);
      if (what == FORWARD) CHECK_OK(ctx, tr_drift_eval(drift, (tr_times){1, &t}, &x, &cond, &f));
      if (what == BACK) CHECK_OK(ctx, tr_drift_vjp(drift, (tr_times){1, &t}, &x, &cond, &v, &f, &product));
      if (what == SIDEWAYS) CHECK_OK(ctx, tr_drift_jvp(drift, (tr_times){1, &t}, &x, &cond, &v, &product));
      simt_counted(&after);
      if (call < 2) continue;
      const tr_counts news = counts_since(ctx, earlier);
      CHECK(news.replays == 1 && news.operations == 1 && news.allocations == 0 && news.uploads == 0);
      CHECK(after.graph_launches == before.graph_launches + 1 && after.launches == before.launches);
      CHECK(after.waits == before.waits && after.allocations == before.allocations);
      CHECK(after.copies[1].calls == before.copies[1].calls + 1); /* the time */
    }
}

static void network(tr_ctx *ctx, const scene *s) {
  places p;
  open_places(ctx, s, &p);
  for (int i = 0; i < 2; i++) {
    CHECK_OK(ctx, tr_randn(&(tr_random_address){.purpose = TR_RANDOM_TEST, .step = 2 + (uint32_t)i}, p.x[i]));
    CHECK_OK(ctx, tr_randn(&(tr_random_address){.purpose = TR_RANDOM_TEST, .step = 4 + (uint32_t)i}, p.v[i]));
  }
  const tr_counts before = tr_ctx_counts(ctx);
  any_order(ctx, s, s->network, &p);
  launches(ctx, s, s->network, &p);
  const tr_net_clock clock = {0.1, 0.9, -2};
  CHECK_OK(ctx, tr_drift_set_clock(s->network, &clock)); /* the factor is another kernel behind the network */
  any_order(ctx, s, s->network, &p);
  CHECK_OK(ctx, tr_drift_set_clock(s->network, &(tr_net_clock){0, 1, 1}));
  for (int first = 0; first < 2 && s->network->null_class >= 0; first++) {
    const tr_guidance guidance = {.scale = 1.5, .channels = first, .low = 0, .high = 1};
    tr_drift *guide;
    CHECK_OK(ctx, tr_drift_create_guided(s->network, &guidance, &guide));
    any_order(ctx, s, guide, &p);
    if (!first) launches(ctx, s, guide, &p);
    CHECK_OK(ctx, tr_drift_set_clock(s->network, &clock)); /* in what the guidance has recorded, too */
    any_order(ctx, s, guide, &p);
    CHECK_OK(ctx, tr_drift_set_clock(s->network, &(tr_net_clock){0, 1, 1}));
    tr_drift_destroy(&guide);
  }
  if (tr_record_possible(ctx)) CHECK(counts_since(ctx, before).replays > 10);
  CHECK(counts_since(ctx, before).unrecorded == 0);
  close_places(&p);
}

/* A network in the place of another, and one whose working memory is made anew. */
static void others(tr_ctx *ctx, const scene_sizes *sizes) {
  for (int i = 0; i < 3; i++) {
    scene s;
    places p;
    open_scene(ctx, sizes, TR_F32, 4, &s);
    open_filled_places(ctx, &s, &p);
    for (int64_t n = 1; n <= 4; n++) /* each needs more than the one before */
      for (int call = 0; call < 3; call++) {
        const tr_cond cond = scene_cond(&s, 0, n);
        check_same(ctx, &s, s.network, call % 2 ? BACK : FORWARD, &p, call % 2, n, scene_times(&s, 0, n),
                   &cond);
        check_same(ctx, &s, s.network, FORWARD, &p, 0, 1 + (n + call) % n, scene_times(&s, 0, 1),
                   &(tr_cond){cond.labels ? 1 : 0, cond.labels});
      }
    close_places(&p);
    close_scene(&s);
  }
}

/* New weights, and forwards that are repeated on the way back. */
static void changes(tr_ctx *ctx, const scene_sizes *sizes) {
  scene s;
  places p;
  open_trained_scene(ctx, sizes, TR_F32, 3, &s);
  open_filled_places(ctx, &s, &p);
  const tr_cond cond = scene_cond(&s, 0, 3);
  for (int round = 0; round < 4; round++) {
    for (int call = 0; call < 4; call++)
      for (int what = FORWARD; what < ASKED; what++)
        check_same(ctx, &s, s.network, what, &p, 0, 3, scene_times(&s, 0, 3), &cond);
    tr_array *values = tr_params_values(tr_net_params(s.net));
    CHECK_OK(ctx, tr_scale(1.125, values, values));
    CHECK_OK(ctx, tr_net_refresh(s.net));
    CHECK_OK(ctx, tr_net_set_recompute(s.net, round % 2 == 0));
  }
  const long repeated = tr_net_recomputed(s.net);
  CHECK_OK(ctx, tr_net_set_recompute(s.net, true));
  for (int call = 0; call < 4; call++)
    check_same(ctx, &s, s.network, BACK, &p, 0, 3, scene_times(&s, 0, 3), &cond);
  CHECK(tr_net_recomputed(s.net) == repeated + 8);
  close_places(&p);
  close_scene(&s);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  const tr_dtype dtypes[] = {TR_F32, TR_F64};
  for (int i = 0; i < 2; i++) {
    scene s;
    open_scene(ctx, &scene_odd, dtypes[i], 5, &s);
    network(ctx, &s);
    close_scene(&s);
  }
  for (int label_rows = 0; label_rows < 5; label_rows += 4) {
    weights *w = weights_of_mlp(ctx, &(weights_mlp_sizes){3, 20, 2, 8, label_rows});
    scene s;
    open_mlp_scene(ctx, w, TR_F64, 5, &s);
    network(ctx, &s);
    close_scene(&s);
    weights_free(w);
  }
  others(ctx, &scene_odd);
  changes(ctx, &scene_odd);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
