/* Traces of networks as recordings, and log-densities by them: the bits of operations launched one by one, of
 * any probes, times and labels, in whatever memory, with activations kept or computed again, with guidance
 * and without; one launch of a graph for all products behind one forward. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/record/record.h"
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/simt/counters.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/problems/scene.h"
#include "transport/guidance.h"
#include "transport/likelihood/likelihood.h"
#include "transport/transfer.h"

enum { ROWS = 3, PROBES = 2, ROUNDS = 6 };

/* f, then z. */
typedef struct {
  tr_array *x[2], *f[2], *z[2];
  int64_t state, columns;
} places;

static void open_places(const scene *s, int64_t columns, places *p) {
  tr_ctx *ctx = s->x->ctx;
  *p = (places){.state = s->x->count, .columns = columns};
  for (int i = 0; i < 2; i++) {
    CHECK_OK(ctx, tr_array_like(s->x, &p->x[i]));
    CHECK_OK(ctx, tr_array_like(s->x, &p->f[i]));
    CHECK_OK(ctx, tr_array_create(ctx, s->x->dtype, 2, (int64_t[]){columns, s->rows}, &p->z[i]));
    CHECK_OK(ctx, tr_scale(i ? 0.7 : 1, s->x, p->x[i]));
  }
}

static void close_places(places *p) {
  for (int i = 0; i < 2; i++) {
    tr_array_destroy(&p->x[i]);
    tr_array_destroy(&p->f[i]);
    tr_array_destroy(&p->z[i]);
  }
}

static void apply(tr_trace *trace, const scene *s, const places *p, int round) {
  const int i = round % 2;
  const tr_cond cond = scene_cond(s, 0, s->rows);
  const tr_times own = scene_times(s, 0, s->rows), common = {1, own.t + round % 3};
  CHECK_OK(s->x->ctx, tr_trace_apply(trace, round % 4 < 2 ? common : own, p->x[i], &cond, p->f[1 - i],
                                     0.5 + round, 0.25 * round, p->z[i]));
}

/* Rounds with other probes, in other memory, every second time; all results, one after the other. */
static double *rounds(tr_drift *drift, const scene *s, const char *name, const places *p) {
  tr_ctx *ctx = s->x->ctx;
  const int64_t each = p->state + p->columns * s->rows;
  double *out = malloc(ROUNDS * (size_t)each * sizeof *out);
  tr_trace *trace[2] = {NULL, NULL};
  for (int round = 0; round < ROUNDS; round++) {
    tr_trace **now = &trace[round / 2 % 2];
    if (round % 2 == 0) {
      tr_trace_spec spec = {.n_probes = PROBES, .seed = (uint64_t)round};
      CHECK_OK(ctx, tr_trace_find(ctx, name, &spec.type));
      tr_trace_destroy(now);
      CHECK_OK(ctx, tr_trace_create(&spec, drift, s->x, now));
    }
    apply(*now, s, p, round);
    double *to = out + round * each;
    CHECK_OK(ctx, tr_array_get_f64(p->f[1 - round % 2], to));
    CHECK_OK(ctx, tr_array_get_f64(p->z[round % 2], to + p->state));
  }
  for (int i = 0; i < 2; i++) tr_trace_destroy(&trace[i]);
  return out;
}

/* graphs: of an estimate; those of the first time serve another time, of other traces in other memory. */
static void same_bits(tr_drift *drift, const scene *s, const char *name, int graphs) {
  tr_ctx *ctx = s->x->ctx;
  double *out[3];
  long repeated[4] = {tr_net_recomputed(s->net)};
  tr_counts before = tr_ctx_counts(ctx), news[3];
  places p;
  open_places(s, strcmp(name, "exact") ? PROBES : 1, &p);
  const size_t bytes = ROUNDS * (size_t)(p.state + p.columns * s->rows) * sizeof **out;
  for (int i = 0; i < 3; i++) {
    tr_record_turn(ctx, i > 0);
    out[i] = rounds(drift, s, name, &p);
    news[i] = counts_since(ctx, before), before = tr_ctx_counts(ctx);
    repeated[i + 1] = tr_net_recomputed(s->net);
    CHECK(memcmp(out[i], out[0], bytes) == 0 && isfinite(out[i][ROUNDS - 1]) && news[i].unrecorded == 0);
    CHECK(repeated[i + 1] - repeated[i] == repeated[1] - repeated[0]);
  }
  CHECK(news[0].replays == 0);
  if (tr_record_possible(ctx)) CHECK(news[2].replays == graphs * ROUNDS && news[2].recorded == 0);
  for (int i = 0; i < 3; i++) free(out[i]);
  close_places(&p);
}

/* Of the device, behind same_bits: graphs, and what is launched beside them. */
static void launches(tr_drift *drift, const scene *s, const char *name, int graphs, int beside) {
  tr_ctx *ctx = s->x->ctx;
  simt_counters before, after;
  tr_trace_spec spec = {.n_probes = PROBES, .seed = 3};
  tr_trace *trace;
  places p;
  if (!simt_counted(&before) || !tr_record_possible(ctx)) return;
  open_places(s, PROBES, &p);
  CHECK_OK(ctx, tr_trace_find(ctx, name, &spec.type));
  CHECK_OK(ctx, tr_trace_create(&spec, drift, s->x, &trace));
  for (int round = 0; round < ROUNDS; round++) {
    const tr_counts earlier = tr_ctx_counts(ctx);
    simt_counted(&before);
    apply(trace, s, &p, round);
    simt_counted(&after);
    CHECK(after.graph_launches == before.graph_launches + graphs);
    CHECK(after.launches == before.launches + beside);
    CHECK(after.waits == before.waits && after.allocations == before.allocations);
    CHECK(counts_since(ctx, earlier).uploads == 0);
  }
  tr_trace_destroy(&trace);
  close_places(&p);
}

static void network(tr_ctx *ctx, const scene *s) {
  same_bits(s->network, s, "hutch++", 1);
  same_bits(s->network, s, "hutchinson", 1);
  launches(s->network, s, "hutch++", 1, 3);    /* two products of rows, and the estimate */
  launches(s->network, s, "hutchinson", 1, 1); /* the products of rows */
  CHECK_OK(ctx, tr_drift_set_clock(s->network, &(tr_net_clock){0.1, 0.9, -2}));
  same_bits(s->network, s, "hutch++", 1);
  CHECK_OK(ctx, tr_drift_set_clock(s->network, &(tr_net_clock){0, 1, 1}));
}

/* Around a network: a guide, whose passes are a call each, and a transfer, for which what lies between two
 * passes depends on the time. */
static void around(tr_ctx *ctx, const scene *s) {
  tr_interpolant linear, vp;
  tr_drift *guided, *moved;
  CHECK_OK(ctx,
           tr_drift_create_guided(s->network, &(tr_guidance){.scale = 1.5, .low = 0, .high = 1}, &guided));
  same_bits(guided, s, "hutch++", 2);
  launches(guided, s, "hutch++", 2, 4); /* the deflation, too */
  same_bits(guided, s, "hutchinson", 1);
  tr_drift_destroy(&guided);
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  CHECK_OK(ctx, tr_interpolant_find(ctx, "VP", &vp));
  CHECK_OK(ctx, tr_drift_create_transferred(s->network, &linear, &vp, &moved));
  same_bits(moved, s, "hutch++", 0);
  same_bits(moved, s, "hutchinson", 1);
  tr_drift_destroy(&moved);
}

/* A second provider of the same network, in turns. */
static void others(tr_ctx *ctx, const scene *s) {
  tr_drift *second;
  CHECK_OK(ctx, tr_drift_of_net(s->net, TR_VELOCITY, &second));
  same_bits(s->network, s, "hutch++", 1);
  same_bits(second, s, "hutch++", 1);
  same_bits(s->network, s, "hutch++", 1);
  tr_drift_destroy(&second);
}

/* ---- whole solves ---- */

typedef struct {
  double logp[ROWS], error[ROWS];
  long n_vjp, nfe;
} density;

static density solve(const scene *s, const char *name, bool recorded) {
  tr_ctx *ctx = s->x->ctx;
  const tr_cond cond = scene_cond(s, 0, ROWS);
  tr_sampler sampler;
  tr_density d;
  tr_sample_stats stats;
  tr_array *x;
  density out;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &sampler));
  CHECK_OK(ctx, tr_density_defaults(ctx, &d));
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &sampler.interpolant));
  CHECK_OK(ctx, tr_trace_find(ctx, name, &d.trace));
  CHECK_OK(ctx, tr_array_like(s->x, &x));
  CHECK_OK(ctx, tr_array_copy(s->x, x));
  d.n_probes = PROBES;
  sampler.drift = s->network, sampler.reverse = true;
  sampler.ode.rtol = sampler.ode.atol = 1e-2;
  tr_record_turn(ctx, recorded);
  CHECK_OK(ctx, tr_sample_density(&sampler, &d, &cond, x, out.logp, out.error, &stats));
  tr_record_turn(ctx, true);
  out.n_vjp = stats.n_vjp, out.nfe = stats.nfe;
  tr_array_destroy(&x);
  return out;
}

static void solves(tr_ctx *ctx, const scene *s) {
  static const char *const names[] = {"hutchinson", "hutch++"};
  for (int i = 0; i < 2; i++) {
    const density plain = solve(s, names[i], false);
    for (int k = 0; k < 2; k++) {
      const tr_counts before = tr_ctx_counts(ctx);
      const density recorded = solve(s, names[i], true);
      const tr_counts news = counts_since(ctx, before);
      CHECK(memcmp(recorded.logp, plain.logp, sizeof plain.logp) == 0 && isfinite(plain.logp[0]));
      CHECK(memcmp(recorded.error, plain.error, sizeof plain.error) == 0);
      CHECK(recorded.n_vjp == plain.n_vjp && recorded.nfe == plain.nfe && news.unrecorded == 0);
      if (tr_record_possible(ctx) && k) CHECK(news.replays == recorded.nfe && news.recorded == 0);
    }
  }
}

static void refused(const scene *s) {
  tr_array *f;
  const tr_cond cond = scene_cond(s, 0, s->rows);
  CHECK_OK(s->x->ctx, tr_array_like(s->x, &f));
  int64_t shape[TR_MAX_DIMS] = {1};
  for (int i = 0; i < s->x->ndim; i++) shape[i + 1] = s->x->shape[i];
  tr_array w = tr_view(s->w, 0, s->x->ndim + 1, shape), wJ = tr_view(f, 0, s->x->ndim + 1, shape);
  tr_drift_passes passes = {.n = 1,
                            .w = (const tr_array *const[]){&w},
                            .wJ = (tr_array *const[]){&wJ},
                            .n_work = TR_DRIFT_WORK + 1,
                            .work = (const tr_array *const[]){s->w}};
  CHECK_ERROR(s->x->ctx, tr_drift_vjp_passes(s->network, scene_times(s, 0, 1), s->x, &cond, &passes, f),
              TR_E_ARG, "passes that know 7 arrays");
  passes.n_work = 1, passes.work = NULL;
  CHECK_ERROR(s->x->ctx, tr_drift_vjp_passes(s->network, scene_times(s, 0, 1), s->x, &cond, &passes, f),
              TR_E_ARG, "of which none are given");
  tr_array_destroy(&f);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  scene s;
  CHECK_OK(ctx, tr_register_all(ctx));
  open_scene(ctx, &scene_odd, TR_F32, ROWS, &s);
  network(ctx, &s);
  CHECK_OK(ctx, tr_net_set_recompute(s.net, true));
  same_bits(s.network, &s, "hutch++", 1);
  same_bits(s.network, &s, "hutchinson", 1);
  around(ctx, &s);
  refused(&s);
  close_scene(&s);
  weights *w = weights_of_mlp(ctx, &(weights_mlp_sizes){3, 20, 2, 8, 4});
  open_mlp_scene(ctx, w, TR_F64, ROWS, &s);
  network(ctx, &s);
  same_bits(s.network, &s, "exact", 1);
  others(ctx, &s);
  solves(ctx, &s);
  close_scene(&s);
  weights_free(w);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
