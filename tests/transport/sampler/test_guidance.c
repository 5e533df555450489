/* Guidance: the combination on all and on some channels, the interval and its two sides, one batched forward,
 * vjp, the solver's restarts at the edges, refusals; and blend_channels, which it rests on. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "transport/guidance.h"

enum { ROWS = 2, CHANNELS = 4, SIDE = 3, ROW = CHANNELS * SIDE, NULL_CLASS = 5 };
static const double start[ROWS * ROW] = {0.1, -0.2, 0.3, 1,   -1, 0.5, 0.4, 0.7, -0.6, 0.2, 0.9, -0.3,
                                         1.1, 0.2,  0,   0.3, 1,  0.5, 2,   -1,  0.6,  0.8, 0.1, 0.35};
static const int32_t labels[ROWS] = {2, 4};
static const tr_cond cond = {ROWS, labels};

/* A field whose rows know their class: p = slope(label) x + t. Its calls are counted with their rows. */
typedef struct {
  tr_drift drift;
  long rows;
} classes;

static double slope(int32_t label) {
  return 0.5 - 0.2 * label;
}

static tr_status classes_run(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *c,
                             const tr_array *w, tr_array *f, tr_array *wJ) {
  int64_t rows = x->shape[0], row = x->count / rows;
  double *values = malloc(2 * (size_t)x->count * sizeof *values), *covector = values + x->count;
  CHECK_OK(drift->ctx, tr_array_get_f64(x, values));
  if (w) CHECK_OK(drift->ctx, tr_array_get_f64(w, covector));
  for (int64_t i = 0; i < x->count; i++) {
    double k = slope(c->labels[c->n == 1 ? 0 : i / row]);
    values[i] = k * values[i] + times.t[times.n == 1 ? 0 : i / row];
    if (w) covector[i] *= k;
  }
  CHECK_OK(drift->ctx, tr_array_set_f64(f, values));
  if (w) CHECK_OK(drift->ctx, tr_array_set_f64(wJ, covector));
  ((classes *)drift->impl)->rows = rows;
  free(values);
  return TR_OK;
}
static tr_status classes_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *c,
                              tr_array *f) {
  return classes_run(drift, times, x, c, NULL, f, NULL);
}
static void classes_destroy(tr_drift *drift) {
  free(drift->impl);
}
static const tr_drift_ops classes_ops = {.name = "classes",
                                         .caps = TR_DRIFT_VJP,
                                         .eval = classes_eval,
                                         .vjp = classes_run,
                                         .destroy = classes_destroy};

static classes *create_classes(tr_ctx *ctx) {
  classes *self = calloc(1, sizeof *self);
  self->drift = (tr_drift){.ops = &classes_ops,
                           .ctx = ctx,
                           .impl = self,
                           .kind = TR_VELOCITY,
                           .null_class = NULL_CLASS,
                           .num_classes = NULL_CLASS};
  return self;
}

static tr_array *state(tr_ctx *ctx) {
  tr_array *x = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 3, (int64_t[]){ROWS, CHANNELS, SIDE}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, start));
  return x;
}

static double slope_of(int i, double scale, int channels) {
  double with = slope(labels[i / ROW]), without = slope(NULL_CLASS);
  bool guided = channels == 0 || i % ROW / SIDE < channels;
  return guided ? without + scale * (with - without) : with;
}

static void combination(tr_ctx *ctx) {
  for (int channels = 0; channels <= CHANNELS; channels++) {
    classes *inner = create_classes(ctx);
    tr_drift *guided = NULL;
    tr_array *x = state(ctx), *f, *w, *wJ;
    double got[ROWS * ROW], t[ROWS] = {0.3, 0.8};
    CHECK_OK(ctx, tr_drift_create_guided(&inner->drift, &(tr_guidance){2.5, channels, 0, 1}, &guided));
    CHECK_OK(ctx, tr_array_like(x, &f));
    CHECK_OK(ctx, tr_array_like(x, &w));
    CHECK_OK(ctx, tr_array_like(x, &wJ));
    CHECK_OK(ctx, tr_fill(2, w));
    CHECK_OK(ctx, tr_drift_eval(guided, (tr_times){ROWS, t}, x, &cond, f));
    CHECK(inner->rows == 2 * ROWS && guided->n_eval == 1 && inner->drift.n_eval == 1);
    CHECK_OK(ctx, tr_array_get_f64(f, got));
    for (int i = 0; i < ROWS * ROW; i++)
      CHECK_NEAR(got[i], slope_of(i, 2.5, channels) * start[i] + t[i / ROW], 1e-14);
    CHECK_OK(ctx, tr_drift_vjp(guided, (tr_times){ROWS, t}, x, &cond, w, f, wJ));
    CHECK_OK(ctx, tr_array_get_f64(wJ, got));
    for (int i = 0; i < ROWS * ROW; i++) CHECK_NEAR(got[i], 2 * slope_of(i, 2.5, channels), 1e-14);
    CHECK(guided->n_vjp == 1 && guided->kind == TR_VELOCITY && guided->num_classes == NULL_CLASS);
    tr_array_destroy(&x);
    tr_array_destroy(&f);
    tr_array_destroy(&w);
    tr_array_destroy(&wJ);
    tr_drift_destroy(&guided);
    tr_drift_destroy((tr_drift *[]){&inner->drift});
  }
}

/* Outside the interval N rows; on an edge the side of the segment, or the closed interval without one. */
static void interval(tr_ctx *ctx) {
  static const struct {
    double from, to, t;
    bool guided;
  } cases[] = {{0, 1, 0.29, false},   {0, 1, 0.3, true},    {0, 1, 0.7, true},
               {0, 1, 0.71, false},   {0, 0.3, 0.3, false}, {0.3, 0.7, 0.3, true},
               {0.3, 0.7, 0.7, true}, {0.7, 1, 0.7, false}, {1, 0.7, 0.7, false},
               {0.7, 0.3, 0.7, true}, {0.3, 0, 0.3, false}, {0.2, 0.3 + 1e-15, 0.3, false}};
  classes *inner = create_classes(ctx);
  tr_drift *guided = NULL;
  tr_array *x = state(ctx), *f;
  CHECK_OK(ctx, tr_array_like(x, &f));
  CHECK_OK(ctx, tr_drift_create_guided(&inner->drift, &(tr_guidance){2, 0, 0.3, 0.7}, &guided));
  CHECK(guided->n_breaks == 2 && guided->breaks[0] == 0.3 && guided->breaks[1] == 0.7);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    guided->on_segment(guided, cases[i].from, cases[i].to);
    CHECK_OK(ctx, tr_drift_eval(guided, (tr_times){1, &cases[i].t}, x, &cond, f));
    CHECK(inner->rows == (cases[i].guided ? 2 * ROWS : ROWS));
  }
  guided->on_segment(guided, 0, 1);
  CHECK_ERROR(ctx, tr_drift_eval(guided, (tr_times){2, (double[]){0.1, 0.5}}, x, &cond, f), TR_E_UNSUPPORTED,
              "two sides");
  tr_array_destroy(&x);
  tr_array_destroy(&f);
  tr_drift_destroy(&guided);
  tr_drift_destroy((tr_drift *[]){&inner->drift});
}

/* dx/dt = k(t) x + t with k jumping at 0.3 and 0.7, in both clocks and directions: the closed form, and no
 * loss of accuracy to the jumps. */
static double piece(double x, double k, double a, double b) {
  /* x' = k x + t: x + t/k + 1/k^2 grows like exp(k t). */
  double shift_a = a / k + 1 / (k * k), shift_b = b / k + 1 / (k * k);
  return (x + shift_a) * exp(k * (b - a)) - shift_b;
}

static void solves(tr_ctx *ctx) {
  static const char *const methods[] = {"cvode-adams", "dopri5"};
  for (int m = 0; m < 2; m++)
    for (int clock = TR_CLOCK_T; clock <= TR_CLOCK_ANGLE; clock++)
      for (int reverse = 0; reverse < 2; reverse++) {
        classes *inner = create_classes(ctx);
        tr_sampler s;
        tr_sample_stats stats;
        double got[ROWS * ROW];
        tr_array *x = state(ctx);
        CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
        CHECK_OK(ctx, tr_drift_create_guided(&inner->drift, &(tr_guidance){2, 3, 0.3, 0.7}, &s.drift));
        s.ode.method = flow_ode_method(ctx, methods[m]);
        s.ode.rtol = s.ode.atol = 1e-9;
        s.clock = (tr_clock)clock;
        s.reverse = reverse;
        CHECK_OK(ctx, tr_sample_ode(&s, &cond, x, &stats));
        CHECK_OK(ctx, tr_array_get_f64(x, got));
        for (int i = 0; i < ROWS * ROW; i++) {
          double out = slope(labels[i / ROW]), in = slope_of(i, 2, 3), t[] = {0, 0.3, 0.7, 1},
                 want = start[i];
          for (int k = 0; k < 3; k++)
            want = reverse ? piece(want, k == 1 ? in : out, t[3 - k], t[2 - k])
                           : piece(want, k == 1 ? in : out, t[k], t[k + 1]);
          CHECK_NEAR(got[i], want, 1e-6);
        }
        CHECK(stats.nfe == s.drift->n_eval && stats.nfe == inner->drift.n_eval && stats.nfe < 2500);
        tr_array_destroy(&x);
        tr_drift_destroy(&s.drift);
        tr_drift_destroy((tr_drift *[]){&inner->drift});
      }
}

static void bad_input(tr_ctx *ctx) {
  classes *inner = create_classes(ctx);
  tr_drift *guided;
  tr_array *x = state(ctx), *f;
  double t = 0.5;
  CHECK_OK(ctx, tr_array_like(x, &f));
  CHECK_ERROR(ctx, tr_drift_create_guided(&inner->drift, &(tr_guidance){NAN, 0, 0, 1}, &guided), TR_E_ARG,
              "scale");
  CHECK_ERROR(ctx, tr_drift_create_guided(&inner->drift, &(tr_guidance){2, -1, 0, 1}, &guided), TR_E_ARG,
              "first -1 channels");
  CHECK_ERROR(ctx, tr_drift_create_guided(&inner->drift, &(tr_guidance){2, 0, 0.7, 0.3}, &guided), TR_E_ARG,
              "from 0.7 to 0.3");
  CHECK(guided == NULL);
  CHECK_OK(ctx, tr_drift_create_guided(&inner->drift, &(tr_guidance){2, 5, 0, 1}, &guided));
  CHECK_ERROR(ctx, tr_drift_eval(guided, (tr_times){1, &t}, x, &cond, f), TR_E_SHAPE, "first 5 channels");
  tr_drift_destroy(&guided);
  inner->drift.null_class = -1;
  CHECK_ERROR(ctx, tr_drift_create_guided(&inner->drift, &(tr_guidance){2, 0, 0, 1}, &guided), TR_E_ARG,
              "null class");
  tr_array_destroy(&x);
  tr_array_destroy(&f);
  tr_drift_destroy((tr_drift *[]){&inner->drift});
}

static void blends(tr_ctx *ctx, tr_dtype dtype) {
  tr_array *x, *y, *flat;
  double a[ROWS * ROW], b[ROWS * ROW], got[ROWS * ROW];
  for (int i = 0; i < ROWS * ROW; i++) a[i] = i, b[i] = 100 - 3 * i;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 3, (int64_t[]){ROWS, CHANNELS, SIDE}, &x));
  CHECK_OK(ctx, tr_array_like(x, &y));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 1, (int64_t[]){ROWS * ROW}, &flat));
  for (int channels = 0; channels <= CHANNELS; channels++) {
    CHECK_OK(ctx, tr_array_set_f64(x, a));
    CHECK_OK(ctx, tr_array_set_f64(y, b));
    CHECK_OK(ctx,
             tr_blend_channels(channels, 0.5, x, -2, y, channels % 2 ? x : y)); /* in place, either way */
    CHECK_OK(ctx, tr_array_get_f64(channels % 2 ? x : y, got));
    for (int i = 0; i < ROWS * ROW; i++)
      CHECK(got[i] == (i % ROW / SIDE < channels ? 0.5 * a[i] - 2 * b[i] : b[i]));
  }
  CHECK_ERROR(ctx, tr_blend_channels(5, 1, x, 1, y, y), TR_E_SHAPE, "5 channels");
  CHECK_ERROR(ctx, tr_blend_channels(0, 1, flat, 1, flat, flat), TR_E_SHAPE, "(N, C, ...)");
  CHECK_ERROR(ctx, tr_blend_channels(1, 1, flat, 1, y, y), TR_E_SHAPE, "shapes");
  tr_array_destroy(&x);
  tr_array_destroy(&y);
  tr_array_destroy(&flat);
}

/* Around a field with jumps of its own: they are jumps of the guided field too, and it hears of segments. */
static double heard_from, heard_to;
static void hear_segment(tr_drift *drift, double from, double to) {
  (void)drift;
  heard_from = from, heard_to = to;
}

static void around_jumps(tr_ctx *ctx) {
  static const double own[] = {0.1, 0.5, 0.9};
  classes *inner = create_classes(ctx);
  tr_drift *guided;
  inner->drift.breaks = own;
  inner->drift.n_breaks = 3;
  inner->drift.on_segment = hear_segment;
  CHECK_OK(ctx, tr_drift_create_guided(&inner->drift, &(tr_guidance){2, 0, 0.3, 0.7}, &guided));
  CHECK(guided->n_breaks == 5);
  for (int b = 0; b < 5; b++) {
    const double want[] = {0.1, 0.3, 0.5, 0.7, 0.9};
    int found = 0;
    for (int i = 0; i < guided->n_breaks; i++) found += guided->breaks[i] == want[b];
    CHECK(found == 1);
  }
  guided->on_segment(guided, 0.3, 0.5);
  CHECK(heard_from == 0.3 && heard_to == 0.5);
  guided->on_segment(guided, 0.9, 0.7);
  CHECK(heard_from == 0.9 && heard_to == 0.7);
  tr_drift_destroy(&guided);
  tr_drift_destroy((tr_drift *[]){&inner->drift});
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  combination(ctx);
  interval(ctx);
  solves(ctx);
  around_jumps(ctx);
  bad_input(ctx);
  blends(ctx, TR_F64);
  blends(ctx, TR_F32);
  tr_ctx_close(&ctx);
  return check_report();
}
