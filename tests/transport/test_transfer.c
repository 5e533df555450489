/* Transfer to another path: on exact mixtures the field of every pair of paths and every prediction, its
 * products, breaks and segments; end points on the same angles; SDEs; the ends of the angle; refusals. */
/* TR_TEST_RESOURCES */
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "transport/guidance.h"
#include "transport/transfer.h"

enum { ROWS = 3, N = 2, ALL = ROWS * N };
static const char *const paths[] = {"Linear", "GVP", "VP"};
static const tr_quantity kinds[] = {TR_VELOCITY, TR_NOISE, TR_SCORE, TR_DENOISER, TR_CANONICAL};
static const double start[ALL] = {0.3, -1.2, 0.9, -0.5, 0.1, 2.1},
                    direction[ALL] = {1, -0.4, 0.7, 2, -1, 0.3};

static tr_drift *mixture(tr_ctx *ctx, const tr_interpolant *path, tr_quantity kind) {
  static const double weights[] = {1, 2, 1}, means[] = {1, 0.5, -0.5, 1, 0, -1},
                      variances[] = {0.2, 0.1, 0.15, 0.3, 0.1, 0.2};
  tr_drift *drift = NULL;
  CHECK_OK(ctx, tr_exact_create_mixture(ctx, path, kind, N, 3, weights, means, variances, &drift));
  return drift;
}

static tr_interpolant find(tr_ctx *ctx, const char *name) {
  tr_interpolant path = {0};
  CHECK_OK(ctx, tr_interpolant_find(ctx, name, &path));
  return path;
}

static tr_array *array_of(tr_ctx *ctx, tr_dtype dtype, const double *values) {
  tr_array *x = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, values));
  return x;
}

/* A model of one path and its transfer to another one. */
typedef struct {
  tr_interpolant trained, along;
  tr_drift *model, *moved;
} pair;

static pair pair_of(tr_ctx *ctx, int trained, int along, tr_quantity kind) {
  pair p = {.trained = find(ctx, paths[trained]), .along = find(ctx, paths[along])};
  p.model = mixture(ctx, &p.trained, kind);
  CHECK_OK(ctx, tr_drift_create_transferred(p.model, &p.trained, &p.along, &p.moved));
  return p;
}

static void pair_close(pair *p) {
  tr_drift_destroy(&p->moved);
  tr_drift_destroy(&p->model);
}

/* ---- the field ---- */

/* The largest difference of a quantity from the exact one of the path sampled along, over its size. */
static double field_error(tr_ctx *ctx, const pair *p, tr_quantity wanted, tr_times times, tr_dtype dtype) {
  tr_drift *exact = mixture(ctx, &p->along, wanted);
  tr_array *x = array_of(ctx, dtype, start), *got = array_of(ctx, dtype, start),
           *want = array_of(ctx, dtype, start);
  double a[ALL], b[ALL];
  CHECK_OK(ctx, tr_field_eval(&p->along, p->moved, wanted, times, x, NULL, got));
  CHECK_OK(ctx, tr_drift_eval(exact, times, x, NULL, want));
  CHECK_OK(ctx, tr_array_get_f64(got, a));
  CHECK_OK(ctx, tr_array_get_f64(want, b));
  tr_array_destroy(&x);
  tr_array_destroy(&got);
  tr_array_destroy(&want);
  tr_drift_destroy(&exact);
  return check_relative(a, b, ALL);
}

static void fields(tr_ctx *ctx) {
  static const double each[ROWS] = {0.11, 0.5, 0.93};
  double worst = 0;
  for (int trained = 0; trained < 3; trained++)
    for (int along = 0; along < 3; along++)
      for (int k = 0; k < 5; k++) {
        pair p = pair_of(ctx, trained, along, kinds[k]);
        for (int wanted = TR_VELOCITY; wanted <= TR_CANONICAL; wanted++) {
          for (double t = 0.05; t < 0.99; t += 0.15)
            worst = fmax(worst, field_error(ctx, &p, (tr_quantity)wanted, (tr_times){1, &t}, TR_F64));
          worst = fmax(worst, field_error(ctx, &p, (tr_quantity)wanted, (tr_times){ROWS, each}, TR_F64));
          CHECK(field_error(ctx, &p, (tr_quantity)wanted, (tr_times){ROWS, each}, TR_F32) < 1e-4);
        }
        CHECK(p.moved->n_eval == p.model->n_eval && p.moved->kind == TR_CANONICAL);
        pair_close(&p);
      }
  printf("fields of all pairs: largest relative difference %.2g\n", worst);
  CHECK_NEAR(worst, 0, 1e-12);
}

/* At the ends, from velocity and from F, which say all there. */
static void ends(tr_ctx *ctx) {
  for (int trained = 0; trained < 2; trained++)
    for (int along = 0; along < 2; along++)
      for (int end = 0; end < 2; end++)
        for (int k = 0; k < 5; k += 4) {
          double t = end;
          pair p = pair_of(ctx, trained, along, kinds[k]);
          CHECK_NEAR(field_error(ctx, &p, TR_VELOCITY, (tr_times){1, &t}, TR_F64), 0, 1e-13);
          pair_close(&p);
        }
}

/* ---- products: those of the exact canonical field of the path sampled along ---- */

static void products(tr_ctx *ctx) {
  static const double each[ROWS] = {0.2, 0.55, 0.9};
  for (int trained = 0; trained < 3; trained++)
    for (int along = 0; along < 3; along++)
      for (int k = 0; k < 4; k++)
        for (int n = 1; n <= ROWS; n += ROWS - 1) {
          pair p = pair_of(ctx, trained, along, kinds[k]);
          tr_drift *exact = mixture(ctx, &p.along, TR_CANONICAL), *drifts[2] = {p.moved, exact};
          double f[2][ALL], wJ[2][ALL], Jv[2][ALL];
          tr_array *x = array_of(ctx, TR_F64, start), *w = array_of(ctx, TR_F64, direction),
                   *value = array_of(ctx, TR_F64, start), *product = array_of(ctx, TR_F64, start);
          for (int i = 0; i < 2; i++) {
            CHECK_OK(ctx, tr_drift_vjp(drifts[i], (tr_times){n, each}, x, NULL, w, value, product));
            CHECK_OK(ctx, tr_array_get_f64(value, f[i]));
            CHECK_OK(ctx, tr_array_get_f64(product, wJ[i]));
            CHECK_OK(ctx, tr_drift_jvp(drifts[i], (tr_times){n, each}, x, NULL, w, product));
            CHECK_OK(ctx, tr_array_get_f64(product, Jv[i]));
          }
          CHECK_NEAR(check_relative(f[0], f[1], ALL), 0, 1e-12);
          CHECK_NEAR(check_relative(wJ[0], wJ[1], ALL), 0, 1e-11);
          CHECK_NEAR(check_relative(Jv[0], Jv[1], ALL), 0, 1e-11);
          CHECK(p.model->n_vjp == 1 && p.moved->n_vjp == 1);
          tr_array_destroy(&x);
          tr_array_destroy(&w);
          tr_array_destroy(&value);
          tr_array_destroy(&product);
          tr_drift_destroy(&exact);
          pair_close(&p);
        }
}

/* Several covectors behind one forward of inner: the products of one by one. */
static void several_products(tr_ctx *ctx) {
  static const double each[ROWS] = {0.2, 0.55, 0.9};
  for (int n = 1; n <= ROWS; n += ROWS - 1) {
    pair p = pair_of(ctx, 0, 1, TR_VELOCITY);
    double w[2 * ALL], all[2 * ALL], one[ALL], f[2][ALL];
    memcpy(w, direction, sizeof direction);
    memcpy(w + ALL, start, sizeof start);
    tr_array *x = array_of(ctx, TR_F64, start), *value = array_of(ctx, TR_F64, start), *stack, *products;
    CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 3, (int64_t[]){2, ROWS, N}, &stack));
    CHECK_OK(ctx, tr_array_like(stack, &products));
    CHECK_OK(ctx, tr_array_set_f64(stack, w));
    CHECK_OK(ctx, tr_drift_vjp_multi(p.moved, (tr_times){n, each}, x, NULL, stack, value, products));
    CHECK_OK(ctx, tr_array_get_f64(products, all));
    CHECK_OK(ctx, tr_array_get_f64(value, f[0]));
    CHECK(p.moved->n_forward == 1 && p.model->n_forward == 1);
    tr_array *covector = array_of(ctx, TR_F64, start), *product = array_of(ctx, TR_F64, start);
    for (int r = 0; r < 2; r++) {
      CHECK_OK(ctx, tr_array_set_f64(covector, w + r * ALL));
      CHECK_OK(ctx, tr_drift_vjp(p.moved, (tr_times){n, each}, x, NULL, covector, value, product));
      CHECK_OK(ctx, tr_array_get_f64(product, one));
      CHECK_OK(ctx, tr_array_get_f64(value, f[1]));
      CHECK(memcmp(all + r * ALL, one, sizeof one) == 0 && memcmp(f[0], f[1], sizeof f[0]) == 0);
    }
    tr_array_destroy(&x);
    tr_array_destroy(&value);
    tr_array_destroy(&stack);
    tr_array_destroy(&products);
    tr_array_destroy(&covector);
    tr_array_destroy(&product);
    pair_close(&p);
  }
}

/* ---- samples ---- */

enum { POINTS = 13 };
static const double middle = 1e-2; /* every path has the angles from this to pi/2 less this */

/* Times of a path at uneven angles inside. */
static void same_angles(const tr_interpolant *path, double *t) {
  for (int i = 0; i < POINTS; i++) {
    double u = (double)i / (POINTS - 1);
    t[i] = tr_interpolant_time(path, middle + (TR_PI / 2 - 2 * middle) * (u + 0.15 * u * (1 - u)));
  }
}

static void solve(tr_ctx *ctx, const tr_interpolant *path, tr_drift *drift, const char *method,
                  const double *t, double *end) {
  tr_sampler s;
  tr_array *x = array_of(ctx, TR_F64, start);
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_grid_find(ctx, "list", &s.grid));
  double whole[POINTS + 2] = {0};
  memcpy(whole + 1, t, POINTS * sizeof *t);
  whole[POINTS + 1] = 1;
  s.interpolant = *path;
  s.drift = drift;
  s.grid.list = whole;
  s.grid.n_list = POINTS + 2;
  s.sample_eps = 0;
  s.clock = TR_CLOCK_ANGLE;
  s.ode.method = flow_ode_method(ctx, method);
  CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, NULL));
  CHECK_OK(ctx, tr_array_get_f64(x, end));
  tr_array_destroy(&x);
}

/* Through the same angles a model goes to the same end along its own path and along another one. Linear and
 * GVP start and end at the same angles. */
static void same_ends(tr_ctx *ctx) {
  static const char *const methods[] = {"ddim", "dpmpp-3m", "heun2", "rk4", "ab2"};
  for (int trained = 0; trained < 2; trained++)
    for (int m = 0; m < 5; m++)
      for (int k = 0; k < 5; k += 3) {
        double here[POINTS], there[POINTS], own[ALL], other[ALL];
        pair p = pair_of(ctx, trained, 1 - trained, kinds[k]);
        same_angles(&p.trained, here);
        same_angles(&p.along, there);
        solve(ctx, &p.trained, p.model, methods[m], here, own);
        solve(ctx, &p.along, p.moved, methods[m], there, other);
        CHECK_NEAR(check_relative(other, own, ALL), 0, 1e-12);
        pair_close(&p);
      }
}

static void adaptive(tr_ctx *ctx, const tr_interpolant *path, tr_drift *drift, const double *from,
                     double *end) {
  tr_sampler s;
  tr_array *x = array_of(ctx, TR_F64, from);
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  s.interpolant = *path;
  s.drift = drift;
  s.sample_eps = 0;
  s.ode.method = flow_ode_method(ctx, "dopri5");
  s.ode.rtol = s.ode.atol = 1e-10;
  CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, NULL));
  CHECK_OK(ctx, tr_array_get_f64(x, end));
  tr_array_destroy(&x);
}

/* Along VP from the start of VP, whose angle the other paths have: the same as the exact field of VP. From a
 * model of VP along Linear the angles below that of VP's start are missing: off by what the header says, the
 * bend of y (below 5 here) times 0.0066^2 / 2 = 2.2e-5, times the growth of the flow (below 2). */
static void the_start_of_vp(tr_ctx *ctx) {
  for (int k = 0; k < 5; k++) {
    double got[ALL], want[ALL];
    pair p = pair_of(ctx, 0, 2, kinds[k]), q = pair_of(ctx, 2, 0, kinds[k]);
    tr_drift *vp = mixture(ctx, &p.along, TR_VELOCITY), *linear = mixture(ctx, &q.along, TR_VELOCITY);
    adaptive(ctx, &p.along, p.moved, start, got);
    adaptive(ctx, &p.along, vp, start, want);
    /* the denoiser is held TR_THETA_MIN from the end: 5e-7 times the bend */
    CHECK_NEAR(check_relative(got, want, ALL), 0, kinds[k] == TR_DENOISER ? 5e-6 : 1e-7);
    adaptive(ctx, &q.along, q.moved, start, got);
    adaptive(ctx, &q.along, linear, start, want);
    CHECK_NEAR(check_relative(got, want, ALL), 0, 2.2e-4);
    tr_drift_destroy(&vp);
    tr_drift_destroy(&linear);
    pair_close(&p);
    pair_close(&q);
  }
}

/* The SDE of the path sampled along: the same samples as from its exact field, form and last step alike. */
static void sde(tr_ctx *ctx) {
  static const char *const forms[] = {"SBDM", "sigma", "constant"};
  for (int trained = 0; trained < 3; trained++)
    for (int along = 0; along < 3; along++)
      for (int f = 0; f < 3; f++) {
        pair p = pair_of(ctx, trained, along, kinds[(trained + along + f) % 5]);
        tr_drift *exact = mixture(ctx, &p.along, TR_CANONICAL);
        double end[2][ALL];
        for (int i = 0; i < 2; i++) {
          tr_sampler s;
          tr_array *x = array_of(ctx, TR_F64, start);
          CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
          CHECK_OK(ctx, tr_diffusion_find(ctx, forms[f], &s.diffusion));
          s.interpolant = p.along;
          s.drift = i ? exact : p.moved;
          s.sample_eps = 0.02;
          s.n_steps = 41;
          CHECK_OK(ctx, tr_sample_sde(&s, NULL, x, NULL));
          CHECK_OK(ctx, tr_array_get_f64(x, end[i]));
          tr_array_destroy(&x);
        }
        CHECK_NEAR(check_relative(end[0], end[1], ALL), 0, 1e-10);
        tr_drift_destroy(&exact);
        pair_close(&p);
      }
}

/* ---- guidance: edges in the model's own time ---- */

static tr_status jump(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  (void)user;
  double labels = 0;
  for (int64_t i = 0; i < cond->n; i++) labels += cond->labels[i];
  return tr_axpby(times.t[0], x, labels, x, f);
}

static double last_from, last_to;
static void (*guide_segment)(tr_drift *, double, double);
static void watch_segment(tr_drift *drift, double from, double to) {
  last_from = from, last_to = to;
  guide_segment(drift, from, to);
}

static void guided(tr_ctx *ctx) {
  tr_interpolant linear = find(ctx, "Linear"), gvp = find(ctx, "GVP");
  tr_drift *model, *guide, *moved;
  CHECK_OK(ctx, tr_drift_create_callback(ctx, "jump", TR_VELOCITY, jump, NULL, &model));
  model->num_classes = 3;
  model->null_class = 3;
  CHECK_OK(ctx, tr_drift_create_guided(model, &(tr_guidance){2, 0, 0.25, 0.75}, &guide));
  guide_segment = guide->on_segment;
  guide->on_segment = watch_segment;
  CHECK_OK(ctx, tr_drift_create_transferred(guide, &linear, &gvp, &moved));
  CHECK(moved->n_breaks == 2 && moved->num_classes == 3 && moved->null_class == 3);
  CHECK_NEAR(moved->breaks[0], atan2(0.25, 0.75) / (TR_PI / 2), 1e-15);
  CHECK_NEAR(moved->breaks[1], atan2(0.75, 0.25) / (TR_PI / 2), 1e-15);
  moved->on_segment(moved, 0, moved->breaks[0]);
  CHECK(last_from == 0);
  CHECK_NEAR(last_to, 0.25, 1e-15);
  /* On the edge the segment says on which side: guided rows are two forwards of one call. */
  tr_array *x = array_of(ctx, TR_F64, start), *f = array_of(ctx, TR_F64, start);
  tr_cond cond = {1, (int32_t[]){1}};
  double outside[ALL], inside[ALL];
  CHECK_OK(ctx, tr_drift_eval(moved, (tr_times){1, moved->breaks}, x, &cond, f));
  CHECK_OK(ctx, tr_array_get_f64(f, outside));
  moved->on_segment(moved, moved->breaks[0], moved->breaks[1]);
  CHECK_OK(ctx, tr_drift_eval(moved, (tr_times){1, moved->breaks}, x, &cond, f));
  CHECK_OK(ctx, tr_array_get_f64(f, inside));
  CHECK(check_relative(inside, outside, ALL) > 0.1);
  tr_array *v = array_of(ctx, TR_F64, start), *Jv = array_of(ctx, TR_F64, start);
  CHECK_ERROR(ctx, tr_drift_jvp(moved, (tr_times){1, moved->breaks}, x, &cond, v, Jv), TR_E_UNSUPPORTED,
              "transferred has no Jacobian-vector product");
  CHECK_ERROR(ctx, tr_drift_vjp(moved, (tr_times){1, moved->breaks}, x, &cond, v, f, Jv), TR_E_UNSUPPORTED,
              "transferred has no vector-Jacobian product");
  CHECK_ERROR(ctx, tr_drift_eval(moved, (tr_times){1, moved->breaks}, x, NULL, f), TR_E_ARG, "class labels");
  tr_array_destroy(&x);
  tr_array_destroy(&f);
  tr_array_destroy(&v);
  tr_array_destroy(&Jv);
  tr_drift_destroy(&moved);
  tr_drift_destroy(&guide);
  tr_drift_destroy(&model);
}

static void refusals(tr_ctx *ctx) {
  tr_interpolant linear = find(ctx, "Linear"), none = {0};
  tr_drift *model = mixture(ctx, &linear, TR_VELOCITY), *moved;
  CHECK_ERROR(ctx, tr_drift_create_transferred(model, &none, &linear, &moved), TR_E_ARG, "trained on");
  CHECK_ERROR(ctx, tr_drift_create_transferred(model, &linear, &none, &moved), TR_E_ARG, "sample along");
  model->kind = (tr_quantity)4321;
  CHECK_ERROR(ctx, tr_drift_create_transferred(model, &linear, &linear, &moved), TR_E_ARG, "4321");
  CHECK(moved == NULL);
  tr_drift_destroy(&model);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  fields(ctx);
  ends(ctx);
  products(ctx);
  several_products(ctx);
  same_ends(ctx);
  the_start_of_vp(ctx);
  sde(ctx);
  guided(ctx);
  refusals(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
