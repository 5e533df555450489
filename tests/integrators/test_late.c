/* A device that tells late, the guard made so (core/cpu/guard.h) or one that is: a solve that blows up finds
 * out some steps afterwards, and still names the step at which it happened, and leaves the state that it had
 * there. */
/* TR_TEST_RESOURCES */
#include <string.h>

#include "core/backend.h"
#include "core/cpu/guard.h"
#include "core/vec/vec.h"
#include "integrators/register.h"
#include "tests/support/problems/ode_problems.h"
#include "tests/support/problems/sde_problems.h"

enum { STEPS = 50, N = 5 };
static double grid[STEPS + 1];

typedef struct {
  long calls;
  double bad_from; /* NaN at this time and after */
  tr_array *seen;  /* the state, scaled by 1 */
} field;

static tr_status evaluate(double t, const tr_array *x, tr_array *dx, void *user) {
  field *f = user;
  f->calls++;
  return t >= f->bad_from ? tr_map(TR_MAP_CONST, NAN, NULL, NULL, dx) : tr_scale(-1 - t, x, dx);
}
/* The same, beginning and ending with operations that are listed. */
static tr_status evaluate_listed(double t, const tr_array *x, tr_array *dx, tr_program *list, void *user) {
  field *f = user;
  TR_TRY(tr_program_scale(list, 1, x, f->seen));
  TR_TRY(tr_program_run(list));
  TR_TRY(evaluate(t, f->seen, dx, user));
  return tr_program_scale(list, 1, dx, dx);
}
static volatile sig_atomic_t stop_flag;
static void stop_at(double t, long n_rhs, void *user) {
  (void)n_rhs;
  if (t >= *(const double *)user) stop_flag = 1;
}

/* What a solve that went wrong leaves behind. */
typedef struct {
  tr_status status;
  char message[512];
  double x[N], t_end, h_last;
  long n_steps, calls;
  int outputs;
  double output[5][N];
} remains;

typedef struct {
  const char *name;
  bool sde;
  double bad_from, stop_from; /* stop_from: interrupted at the first step's end from there */
  int outputs;
  bool listed;
} scene;

static tr_status listen(int index, double t, const tr_array *x, void *user) {
  remains *r = user;
  (void)t;
  CHECK(index == r->outputs++);
  return tr_array_get_f64(x, r->output[index]);
}

static tr_status solve_ode(tr_ctx *ctx, const scene *s, field *f, tr_array *x, remains *r) {
  static const double times[] = {0, 0.11, 0.5, 0.53, 1};
  tr_ode_stats stats;
  tr_ode_spec spec = {.method = find_ode(ctx, s->name), .grid = grid, .n_grid = STEPS + 1};
  tr_rhs rhs = {.fn = evaluate, .user = f, .listed = s->listed ? evaluate_listed : NULL};
  spec.on_progress = stop_at;
  spec.progress_user = (void *)&s->stop_from;
  tr_status status = s->outputs ? tr_ode_solve(&spec, &rhs, times, 5, x, listen, r, &stats)
                                : tr_ode_solve(&spec, &rhs, (double[]){0, 1}, 2, x, NULL, NULL, &stats);
  r->t_end = stats.t_end, r->h_last = stats.h_last, r->n_steps = stats.n_steps;
  return status;
}

static tr_status solve_sde(tr_ctx *ctx, const scene *s, field *f, tr_array *x, remains *r) {
  static const double times[] = {0.11, 0.5, 0.53};
  tr_sde_stats stats;
  tr_sde_spec spec = {.method = find_sde(ctx, s->name), .grid = grid, .n_grid = STEPS + 1};
  tr_sde_problem problem = {
      .drift = evaluate, .g2 = unit_noise2, .g2_integral = unit_noise2_integral, .user = f};
  if (s->listed) problem.listed = evaluate_listed;
  tr_brownian *path;
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 4, 0, &path));
  spec.on_progress = stop_at;
  spec.progress_user = (void *)&s->stop_from;
  tr_status status = tr_sde_solve(&spec, &problem, path, times, s->outputs ? 3 : 0, x,
                                  s->outputs ? listen : NULL, r, &stats);
  r->t_end = stats.t_end, r->h_last = stats.h_last, r->n_steps = stats.n_steps;
  tr_brownian_destroy(&path);
  return status;
}

static bool on_guard(const tr_ctx *ctx) {
  return strcmp(tr_ctx_resource(ctx), "guard") == 0;
}

static remains run(tr_ctx *ctx, const scene *s, bool late) {
  remains r = {0};
  field f = {.bad_from = s->bad_from};
  tr_array *x;
  stop_flag = 0;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){N}, &x));
  CHECK_OK(ctx, tr_fill(0.7, x));
  CHECK_OK(ctx, tr_array_like(x, &f.seen));
  if (on_guard(ctx)) tr_guard_set_late(ctx, late);
  r.status = s->sde ? solve_sde(ctx, s, &f, x, &r) : solve_ode(ctx, s, &f, x, &r);
  if (on_guard(ctx)) tr_guard_set_late(ctx, false);
  r.calls = f.calls;
  snprintf(r.message, sizeof r.message, "%s", tr_ctx_error(ctx)->message);
  tr_ctx_clear(ctx);
  CHECK_OK(ctx, tr_array_get_f64(x, r.x));
  tr_array_destroy(&f.seen);
  tr_array_destroy(&x);
  return r;
}

/* The same bits, but for normals where the device has its own. */
static bool alike(const tr_ctx *ctx, const double *a, const double *b, int n) {
  if (promises(ctx, TR_BACKEND_PROCESSOR_BITS)) return memcmp(a, b, (size_t)n * sizeof *a) == 0;
  bool same = true;
  for (int i = 0; i < n; i++)
    same = same && (isnan(a[i]) ? isnan(b[i]) : fabs(a[i] - b[i]) <= 1e-12 * (1 + fabs(a[i])));
  return same;
}

static void same_remains(const tr_ctx *ctx, const scene *s, remains prompt, remains late) {
  /* Who is stopped before the device has told says so, of the same state. */
  bool stopped = late.status == TR_E_INTERRUPTED && prompt.status == TR_E_NONFINITE;
  bool same = (stopped || (prompt.status == late.status && strcmp(prompt.message, late.message) == 0)) &&
              alike(ctx, prompt.x, late.x, N) && prompt.outputs == late.outputs &&
              alike(ctx, prompt.output[0], late.output[0], 5 * N) && prompt.t_end == late.t_end &&
              prompt.n_steps == late.n_steps && prompt.h_last == late.h_last;
  CHECK(same);
  if (!same)
    printf("%s from %g: \"%s\", %ld steps to %.10g, x %g; late \"%s\", %ld steps to %.10g, x %g\n", s->name,
           s->bad_from, prompt.message, prompt.n_steps, prompt.t_end, prompt.x[0], late.message, late.n_steps,
           late.t_end, late.x[0]);
  CHECK(late.calls >= prompt.calls);
  if (s->bad_from < grid[STEPS - 1] && s->stop_from > 1) {
    CHECK(prompt.status == TR_E_NONFINITE && strstr(prompt.message, "no longer finite"));
    CHECK(s->sde || isfinite(prompt.x[0]));
  }
}

/* As it is, late, with listed operations, and both. */
static void compare(tr_ctx *prompt_on, tr_ctx *ctx, const scene *s) {
  scene listed = *s;
  remains prompt = run(prompt_on, s, false);
  listed.listed = true;
  same_remains(ctx, s, prompt, run(ctx, s, true));
  if (on_guard(ctx)) same_remains(ctx, s, prompt, run(ctx, &listed, false));
  same_remains(ctx, s, prompt, run(ctx, &listed, true));
}

static void compare_all(tr_ctx *prompt_on, tr_ctx *ctx) {
  static const char *const methods[] = {"euler", "heun2", "midpoint", "rk4", "rk4-classical", "ab2", "ab3"};
  const tr_module *module;
  for (int k = 0; k <= STEPS + 1; k += 5)
    for (int outputs = 0; outputs < 2; outputs++)
      for (int stop = 0; stop < 2; stop++) {
        /* the last is a solve in which nothing goes wrong, stopped or not */
        scene s = {.bad_from = k / (double)STEPS - 1e-9, .outputs = outputs, .stop_from = stop ? 0.6 : 9};
        for (size_t m = 0; m < sizeof methods / sizeof *methods; m++)
          s.name = methods[m], s.sde = false, compare(prompt_on, ctx, &s);
        for (int m = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, m)); m++)
          s.name = module->name, s.sde = true, compare(prompt_on, ctx, &s);
      }
}

static tr_ctx *open_on(const char *resource) {
  tr_ctx *ctx = check_context(2, (char *[]){"", (char *)(uintptr_t)resource});
  CHECK_OK(ctx, tr_integrators_register(ctx));
  tr_ctx_set_interrupt(ctx, &stop_flag);
  return ctx;
}

int main(int argc, char **argv) {
  const char *resource = argc > 1 && strcmp(argv[1], "cpu") != 0 ? argv[1] : "guard";
  tr_ctx *prompt_on = open_on(argc > 1 && strcmp(argv[1], "guard") == 0 ? "guard" : "cpu"),
         *ctx = open_on(resource);
  for (int i = 0; i <= STEPS; i++) grid[i] = (double)i / STEPS;
  compare_all(prompt_on, ctx);
  /* The guard was late indeed. */
  scene s = {.name = "euler", .bad_from = 0.5, .stop_from = 9};
  const long late = run(ctx, &s, true).calls, prompt = run(prompt_on, &s, false).calls;
  CHECK((late > prompt || !on_guard(ctx)) && late <= prompt + 16);
  tr_ctx_close(&ctx);
  tr_ctx_close(&prompt_on);
  return check_report();
}
