/* Products in passes, the covectors of one made of the products of the one before: the bits of a call for
 * each pass behind one forward, for every provider that ships; forwards as counted; the exact trace the same
 * by any stack of unit vectors; networks that are asked to stop; what is refused. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/problems/mixtures.h"
#include "tests/support/problems/scene.h"
#include "transport/guidance.h"
#include "transport/trace/trace.h"
#include "transport/transfer.h"

enum { PASSES = 3 };

static const int64_t covectors[PASSES] = {2, 3, 1};

/* A provider at some states, and what its passes have asked for. */
typedef struct {
  tr_drift *drift;
  tr_times times;
  tr_cond cond;
  const tr_array *x;
  tr_array *w[PASSES], *wJ[PASSES];
  int64_t row, asked[PASSES];
  bool fails;
} problem;

static tr_array *stack(const tr_array *x, int64_t n) {
  int64_t shape[TR_MAX_DIMS] = {n};
  tr_array *a;
  for (int i = 0; i < x->ndim; i++) shape[i + 1] = x->shape[i];
  CHECK_OK(x->ctx, tr_array_create(x->ctx, x->dtype, x->ndim + 1, shape, &a));
  return a;
}

/* Rows of vector k of a stack. */
static tr_array rows_of(const problem *p, const tr_array *stacked, int64_t k, int64_t first, int64_t rows) {
  int64_t shape[TR_MAX_DIMS];
  memcpy(shape, p->x->shape, sizeof shape);
  shape[0] = rows;
  return tr_view(stacked, k * p->x->count + first * p->row, p->x->ndim, shape);
}

/* Covector k of a pass: 0.5 of one product of the pass before, and one of its covectors. */
static tr_status next(void *user, int pass, int64_t first, int64_t rows) {
  problem *p = user;
  if (p->fails) return TR_FAIL(p->x->ctx, TR_E_ARG, "no covectors at row %lld", (long long)first);
  CHECK(pass >= 1 && pass < PASSES && first == p->asked[pass]);
  p->asked[pass] += rows;
  for (int64_t k = 0; k < covectors[pass]; k++) {
    tr_array product = rows_of(p, p->wJ[pass - 1], k % covectors[pass - 1], first, rows);
    tr_array before = rows_of(p, p->w[pass - 1], 0, first, rows), to = rows_of(p, p->w[pass], k, first, rows);
    CHECK_OK(to.ctx, tr_axpby(0.5, &product, (double)(k + 1), &before, &to));
  }
  return TR_OK;
}

static tr_drift_passes passes_of(problem *p) {
  return (tr_drift_passes){
      .n = PASSES, .w = (const tr_array *const *)p->w, .wJ = p->wJ, .next = next, .user = p};
}

static void open_problem(tr_drift *drift, const tr_array *x, tr_times times, tr_cond cond, problem *p) {
  const tr_random_address address = {.seed = 8, .purpose = TR_RANDOM_TEST};
  *p = (problem){.drift = drift, .times = times, .cond = cond, .x = x, .row = x->count / x->shape[0]};
  for (int k = 0; k < PASSES; k++) p->w[k] = stack(x, covectors[k]), p->wJ[k] = stack(x, covectors[k]);
  CHECK_OK(x->ctx, tr_randn(&address, p->w[0]));
}

static void close_problem(problem *p) {
  for (int k = 0; k < PASSES; k++) tr_array_destroy(&p->w[k]), tr_array_destroy(&p->wJ[k]);
}

static void same_bits(const tr_array *a, const tr_array *b) {
  double *x = values(a), *y = values(b);
  CHECK(a->count == b->count && memcmp(x, y, (size_t)a->count * sizeof *x) == 0);
  free(x), free(y);
}

/* The calls of all passes at once and one after the other. */
static void as_calls(tr_drift *drift, const tr_array *x, tr_times times, tr_cond cond) {
  tr_ctx *ctx = x->ctx;
  problem once, each;
  tr_array *f, *want;
  long forwards = drift->n_forward, products = drift->n_vjp;
  CHECK_OK(ctx, tr_array_like(x, &f));
  CHECK_OK(ctx, tr_array_like(x, &want));
  open_problem(drift, x, times, cond, &once);
  open_problem(drift, x, times, cond, &each);
  tr_drift_passes passes = passes_of(&once);
  CHECK_OK(ctx, tr_drift_vjp_passes(drift, times, x, &cond, &passes, f));
  CHECK(drift->n_forward == forwards + (drift->ops->vjp_passes ? 1 : PASSES));
  CHECK(drift->n_vjp == products + 6);
  for (int k = 0; k < PASSES; k++) {
    CHECK(once.asked[k] == (k ? x->shape[0] : 0));
    if (k) CHECK_OK(ctx, next(&each, k, 0, x->shape[0]));
    CHECK_OK(ctx, tr_drift_vjp_multi(drift, times, x, &cond, each.w[k], want, each.wJ[k]));
    same_bits(once.wJ[k], each.wJ[k]);
    same_bits(f, want);
  }
  close_problem(&once);
  close_problem(&each);
  tr_array_destroy(&f);
  tr_array_destroy(&want);
}

/* A network, a transfer around it, and a guide, which has a forward for each pass. */
static void networks(tr_ctx *ctx, const scene *s) {
  tr_interpolant linear, vp;
  tr_drift *moved, *guided;
  const tr_times times = scene_times(s, 0, s->rows), one = {1, s->times};
  const tr_cond cond = scene_cond(s, 0, s->rows);
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  CHECK_OK(ctx, tr_interpolant_find(ctx, "VP", &vp));
  as_calls(s->network, s->x, times, cond);
  CHECK_OK(ctx, tr_drift_create_transferred(s->network, &linear, &vp, &moved));
  CHECK(moved->ops->caps & TR_DRIFT_VJP_PASSES);
  as_calls(moved, s->x, times, cond);
  as_calls(moved, s->x, one, cond);
  tr_drift_destroy(&moved);
  if (s->network->null_class < 0) return;
  CHECK_OK(ctx, tr_drift_create_guided(s->network, &(tr_guidance){2, 0, 0, 1}, &guided));
  CHECK(!(guided->ops->caps & TR_DRIFT_VJP_PASSES));
  as_calls(guided, s->x, times, cond);
  CHECK_OK(ctx, tr_drift_create_transferred(guided, &linear, &vp, &moved));
  CHECK(!(moved->ops->caps & TR_DRIFT_VJP_PASSES));
  as_calls(moved, s->x, times, cond);
  tr_drift_destroy(&moved);
  tr_drift_destroy(&guided);
}

/* So many samples are more than one group of the processor; a device takes any test's batch as one. */
static int64_t more_than_a_group(const tr_ctx *ctx, int64_t samples) {
  return emulated(ctx) ? 7 : samples;
}

static void sits(tr_ctx *ctx) {
  for (int i = 0; i < 4; i++) {
    scene s;
    open_scene(ctx, &scene_odd, i % 2 ? TR_F64 : TR_F32, more_than_a_group(ctx, 59), &s);
    CHECK_OK(ctx, tr_net_set_recompute(s.net, i / 2));
    networks(ctx, &s);
    CHECK((tr_net_recomputed(s.net) > 0) == i / 2);
    close_scene(&s);
  }
}

static void mlps(tr_ctx *ctx) {
  for (int i = 0; i < 4; i++) {
    scene s;
    weights *w = weights_of_mlp(ctx, &(weights_mlp_sizes){3, 19, 2, 6, i / 2 ? 4 : 0});
    open_mlp_scene(ctx, w, i % 2 ? TR_F64 : TR_F32, more_than_a_group(ctx, SCENE_ROWS), &s);
    networks(ctx, &s);
    close_scene(&s);
    weights_free(w);
  }
}

static void mixtures(tr_ctx *ctx) {
  enum { ROWS = 7, DIM = 4 };
  double t[ROWS];
  tr_interpolant gvp;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "GVP", &gvp));
  tr_drift *exact = mixture_random(ctx, &gvp, TR_VELOCITY, DIM, 3, 0.1, 1);
  tr_array *x = mixture_points(ctx, ROWS, DIM, 2);
  for (int i = 0; i < ROWS; i++) t[i] = (i + 1) / (ROWS + 2.0);
  as_calls(exact, x, (tr_times){ROWS, t}, (tr_cond){0});
  as_calls(exact, x, (tr_times){1, t}, (tr_cond){0});
  tr_array_destroy(&x);
  tr_drift_destroy(&exact);
}

/* Hutch++ of a provider: as many forwards as said, two backwards' worth of products, and the same estimate
 * from a provider without passes. */
static void hutchpp(tr_ctx *ctx) {
  enum { R = 3, ROWS = 59 };
  scene s;
  double z[2][R * ROWS];
  tr_array *f, *out;
  open_scene(ctx, &scene_odd, TR_F64, ROWS, &s);
  const tr_drift_ops *whole = s.network->ops;
  tr_drift_ops without = *whole;
  without.caps &= ~(unsigned)TR_DRIFT_VJP_PASSES, without.vjp_passes = NULL;
  tr_trace_spec spec = {.n_probes = R, .seed = 3};
  const tr_cond cond = scene_cond(&s, 0, ROWS);
  CHECK_OK(ctx, tr_trace_find(ctx, "hutch++", &spec.type));
  CHECK_OK(ctx, tr_array_like(s.x, &f));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){R * ROWS}, &out));
  for (int i = 0; i < 2; i++) {
    tr_drift plain = *s.network;
    tr_trace *trace;
    if (i) plain.ops = &without;
    tr_drift *drift = i ? &plain : s.network;
    long forwards = drift->n_forward, products = drift->n_vjp;
    CHECK_OK(ctx, tr_trace_create(&spec, drift, s.x, &trace));
    CHECK_OK(ctx, tr_trace_apply(trace, scene_times(&s, 0, ROWS), s.x, &cond, f, 1, 0, out));
    CHECK(drift->n_forward == forwards + 1 + i && drift->n_vjp == products + 3 * R);
    CHECK_OK(ctx, tr_array_get_f64(out, z[i]));
    tr_trace_destroy(&trace);
  }
  CHECK(memcmp(z[0], z[1], sizeof z[0]) == 0);
  tr_array_destroy(&f);
  tr_array_destroy(&out);
  close_scene(&s);
}

/* The exact trace by stacks of all unit vectors, of some, of one. */
static void exact_stacks(tr_drift *drift, const scene *s, bool also_one) {
  tr_ctx *ctx = s->x->ctx;
  const int64_t vector = s->x->count * (int64_t)tr_dtype_size(s->x->dtype), some = s->row / 3 + 1;
  const tr_times times = scene_times(s, 0, s->rows);
  const tr_cond cond = scene_cond(s, 0, s->rows);
  tr_array *f, *want, *out, *first;
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  CHECK_OK(ctx, tr_array_like(s->x, &want));
  CHECK_OK(ctx, tr_array_create(ctx, s->x->dtype, 1, &s->rows, &out));
  CHECK_OK(ctx, tr_array_create(ctx, s->x->dtype, 1, &s->rows, &first));
  for (int i = 0; i < 2 + also_one; i++) {
    const int64_t vectors = ((int64_t[]){s->row, some, 1})[i], passes = (s->row + vectors - 1) / vectors;
    tr_trace_spec spec = {.stack_bytes = vectors * vector};
    tr_trace *trace;
    long forwards = drift->n_forward, products = drift->n_vjp;
    CHECK_OK(ctx, tr_trace_find(ctx, "exact", &spec.type));
    CHECK_OK(ctx, tr_trace_create(&spec, drift, s->x, &trace));
    CHECK_OK(ctx, tr_trace_apply(trace, times, s->x, &cond, i ? f : want, -2, 0.3, i ? out : first));
    CHECK(drift->n_vjp == products + s->row);
    CHECK(drift->n_forward == forwards + (drift->ops->vjp_passes ? 1 : passes));
    if (i) same_bits(f, want), same_bits(out, first);
    tr_trace_destroy(&trace);
  }
  tr_array_destroy(&f), tr_array_destroy(&want), tr_array_destroy(&out), tr_array_destroy(&first);
}

static void exact_traces(tr_ctx *ctx) {
  tr_interpolant linear, vp;
  tr_drift *moved, *guided;
  scene s;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  CHECK_OK(ctx, tr_interpolant_find(ctx, "VP", &vp));
  weights *w = weights_of_mlp(ctx, &(weights_mlp_sizes){7, 19, 2, 6, 4});
  open_mlp_scene(ctx, w, TR_F32, more_than_a_group(ctx, SCENE_ROWS), &s);
  exact_stacks(s.network, &s, true);
  close_scene(&s);
  weights_free(w);
  scene_sizes small = scene_odd;
  small.depth = 1, small.hidden = 18, small.mlp_hidden = 19;
  open_scene(ctx, &small, TR_F32, more_than_a_group(ctx, 59), &s);
  exact_stacks(s.network, &s, false);
  close_scene(&s);
  open_scene(ctx, &small, TR_F64, 2, &s);
  CHECK_OK(ctx, tr_drift_create_transferred(s.network, &linear, &vp, &moved));
  CHECK_OK(ctx, tr_drift_create_guided(s.network, &(tr_guidance){2, 0, 0, 1}, &guided));
  exact_stacks(moved, &s, true);
  exact_stacks(guided, &s, true);
  tr_drift_destroy(&moved);
  tr_drift_destroy(&guided);
  close_scene(&s);
}

/* Networks that are asked to stop on their way back, within a pass and before the next. */
static volatile sig_atomic_t stop_flag;

static tr_status next_stops(void *user, int pass, int64_t first, int64_t rows) {
  stop_flag = 1;
  return next(user, pass, first, rows);
}

static void stopped(const scene *s) {
  tr_ctx *ctx = s->x->ctx;
  const tr_times times = {1, s->times};
  const tr_cond cond = scene_cond(s, 0, s->rows);
  problem p;
  tr_array *f;
  char when[64];
  snprintf(when, sizeof when, "interrupted at t = %.10g", s->times[0]);
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  tr_ctx_set_interrupt(ctx, &stop_flag);
  for (int i = 0; i < 2; i++) {
    open_problem(s->network, s->x, times, cond, &p);
    tr_drift_passes passes = passes_of(&p);
    stop_flag = i;
    passes.next = next_stops;
    CHECK_ERROR(ctx, tr_drift_vjp_passes(s->network, times, s->x, &cond, &passes, f), TR_E_INTERRUPTED, when);
    CHECK((p.asked[1] > 0) == !i && p.asked[2] == 0);
    close_problem(&p);
  }
  tr_ctx_set_interrupt(ctx, NULL);
  tr_array_destroy(&f);
}

/* Asked before the first block or group: a forward has no hook within it. */
static void stopped_forward(const scene *s) {
  tr_ctx *ctx = s->x->ctx;
  const tr_times times = {1, s->times};
  const tr_cond cond = scene_cond(s, 0, s->rows);
  tr_array *f;
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  tr_ctx_set_interrupt(ctx, &stop_flag);
  stop_flag = 1;
  CHECK_ERROR(ctx, tr_drift_eval(s->network, times, s->x, &cond, f), TR_E_INTERRUPTED,
              "within an evaluation");
  stop_flag = 0;
  CHECK_OK(ctx, tr_drift_eval(s->network, times, s->x, &cond, f));
  tr_ctx_set_interrupt(ctx, NULL);
  tr_array_destroy(&f);
}

static void interruptions(tr_ctx *ctx) {
  scene s;
  open_scene(ctx, &scene_odd, TR_F64, 2, &s);
  stopped(&s);
  stopped_forward(&s);
  close_scene(&s);
  weights *w = weights_of_mlp(ctx, &(weights_mlp_sizes){3, 19, 2, 6, 0});
  open_mlp_scene(ctx, w, TR_F64, 2, &s);
  stopped(&s);
  stopped_forward(&s);
  close_scene(&s);
  weights_free(w);
}

static tr_status no_field(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  (void)times, (void)x, (void)cond, (void)f, (void)user;
  return TR_OK;
}

static void refused(tr_ctx *ctx) {
  scene s;
  problem p;
  tr_array *f;
  tr_drift *callback;
  open_scene(ctx, &scene_odd, TR_F64, 2, &s);
  const tr_times times = scene_times(&s, 0, 2);
  const tr_cond cond = scene_cond(&s, 0, 2);
  CHECK_OK(ctx, tr_array_like(s.x, &f));
  open_problem(s.network, s.x, times, cond, &p);
  tr_drift_passes passes = passes_of(&p);
  p.fails = true;
  CHECK_ERROR(ctx, tr_drift_vjp_passes(s.network, times, s.x, &cond, &passes, f), TR_E_ARG,
              "no covectors at row 0");
  passes.n = 0;
  CHECK_ERROR(ctx, tr_drift_vjp_passes(s.network, times, s.x, &cond, &passes, f), TR_E_ARG, "at least one");
  passes = passes_of(&p), passes.next = NULL;
  CHECK_ERROR(ctx, tr_drift_vjp_passes(s.network, times, s.x, &cond, &passes, f), TR_E_ARG, "later ones");
  passes = passes_of(&p);
  tr_array *kept = p.wJ[1];
  p.wJ[1] = p.wJ[0];
  CHECK_ERROR(ctx, tr_drift_vjp_passes(s.network, times, s.x, &cond, &passes, f), TR_E_SHAPE, "the products");
  p.wJ[1] = kept;
  CHECK_OK(ctx, tr_drift_create_callback(ctx, "mine", TR_VELOCITY, no_field, NULL, &callback));
  CHECK_ERROR(ctx, tr_drift_vjp_passes(callback, times, s.x, NULL, &passes, f), TR_E_UNSUPPORTED,
              "mine has no");
  tr_drift_destroy(&callback);
  close_problem(&p);
  tr_array_destroy(&f);
  close_scene(&s);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  sits(ctx);
  mlps(ctx);
  mixtures(ctx);
  hutchpp(ctx);
  exact_traces(ctx);
  interruptions(ctx);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
