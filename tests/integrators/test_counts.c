/* What solves ask of a device besides their evaluations, by the counts of the context: programs and waits a
 * step, and nothing allocated or copied between host and device once the solve is under way; on the emulator
 * the device is asked for that and no more. All means are over the accepted steps of a solve; counted is what
 * comes after its first evaluation has begun. */
/* TR_TEST_RESOURCES */
#include "core/vec/vec.h"
#include "integrators/register.h"
#include "integrators/sde/stochastic_rk.h"
#include "tests/support/counts.h"
#include "tests/support/problems/ode_problems.h"
#include "tests/support/problems/sde_problems.h"

enum { STEPS = 40, ROWS = 8, N = 256 };

/* x' = -x + 3 cos(5 t), on the device. */
static tr_status field(double t, const tr_array *x, tr_array *dx, void *user) {
  tr_counts entered = meter_enter(user);
  TR_TRY(tr_scale(-1, x, dx));
  TR_TRY(tr_map(TR_MAP_ADDC, 3 * cos(5 * t), dx, NULL, dx));
  meter_leave(user, entered);
  return TR_OK;
}

static tr_array *start(tr_ctx *ctx, tr_dtype dtype) {
  tr_array *x = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){ROWS, N / ROWS}, &x));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.purpose = TR_RANDOM_TEST}, x));
  return x;
}

/* Beside the evaluations of a solve that has just ended. ARKODE allocates two vectors within its first step,
 * all others are there before the first evaluation. */
static tr_counts beside(const meter *m, bool first_step_too) {
  CHECK(counts_quiet(counts_since(m->ctx, first_step_too ? m->began : m->stepped)));
  tr_counts sum = meter_beside(m);
  CHECK(sum.uploads == 0 && sum.downloads == 0 && meter_agrees(m));
  return sum;
}

static void show(const char *name, tr_dtype dtype, long steps, long evaluations, const tr_counts *c) {
  printf("%s %s: %ld steps, %ld evaluations; a step: %.2f programs, %.2f operations, %.2f waits\n", name,
         tr_dtype_name(dtype), steps, evaluations, (double)c->programs / (double)steps,
         (double)c->operations / (double)steps, (double)c->waits / (double)steps);
}

static const double unit[] = {0, 1};

static tr_counts solve_ode(tr_ctx *ctx, tr_ode_spec spec, tr_dtype dtype, const double *times, int n_times,
                           tr_out_fn listener, tr_ode_stats *stats) {
  meter m = {.ctx = ctx};
  tr_rhs rhs = {.fn = field, .user = &m};
  tr_array *x = start(ctx, dtype);
  spec.on_progress = meter_progress;
  spec.progress_user = &m;
  CHECK_OK(ctx, tr_ode_solve(&spec, &rhs, times, n_times, x, listener, NULL, stats));
  CHECK(stats->n_rhs == m.calls);
  bool arkode = strncmp(stats->solver, "ARKODE", 6) == 0;
  tr_counts c = beside(&m, !arkode);
  show(spec.method->info.name, dtype, stats->n_steps, stats->n_rhs, &c);
  tr_array_destroy(&x);
  return c;
}

static void adaptive(tr_ctx *ctx, tr_dtype dtype) {
  static const struct {
    const char *name;
    double rtol;
    double operations, waits; /* a step, at most */
  } cases[] = {{"cvode-adams", 1e-3, 4, 1.8}, {"cvode-adams", 1e-5, 4, 1.8}, {"cvode-bdf", 1e-3, 15, 12},
               {"dopri5", 1e-3, 10, 1.5},     {"dopri5", 1e-5, 10, 1.5},     {"bosh3", 1e-3, 7, 1.5}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tr_ode_spec spec = {.method = find_ode(ctx, cases[i].name), .rtol = cases[i].rtol, .atol = 1e-6};
    tr_ode_stats stats;
    tr_counts c = solve_ode(ctx, spec, dtype, unit, 2, NULL, &stats);
    double steps = (double)stats.n_steps;
    CHECK((double)c.operations <= cases[i].operations * steps && c.programs == c.operations);
    CHECK((double)c.waits <= cases[i].waits * steps);
  }
}

static tr_status listen(int index, double t, const tr_array *x, void *user) {
  (void)index, (void)t, (void)x, (void)user;
  return TR_OK;
}

/* A program for each evaluation, the look at the state in the last of a step; a wait every 16 steps and one
 * at the end. Handing out states between grid points costs a program a state, and a wait a step. */
static void fixed_grids(tr_ctx *ctx, tr_dtype dtype) {
  static const char *const methods[] = {"euler", "heun2", "midpoint", "rk4", "rk4-classical", "ab2", "ab3"};
  static const double times[] = {0, 0.31, 0.32, 0.77, 1};
  double grid[STEPS + 1];
  for (int i = 0; i <= STEPS; i++) grid[i] = (double)i / STEPS;
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    tr_ode_spec spec = {.method = find_ode(ctx, methods[i]), .grid = grid, .n_grid = STEPS + 1};
    tr_ode_stats stats;
    tr_counts c = solve_ode(ctx, spec, dtype, unit, 2, NULL, &stats);
    const int start_of_ab = methods[i][0] == 'a'; /* a program more for its Heun step */
    const int way_back = STEPS % 2;               /* into the caller's array */
    CHECK(stats.n_steps == STEPS);
    CHECK(c.operations <= stats.n_rhs + start_of_ab + way_back);
    CHECK(c.waits <= STEPS / 16 + 1);
    c = solve_ode(ctx, spec, dtype, times, 5, listen, &stats);
    CHECK(c.operations <= stats.n_rhs + start_of_ab + way_back + 3 + 1);
    CHECK(c.waits <= STEPS / 16 + 1 + 3 * 3);
  }
}

/* ---- SDE ---- */

static tr_counts solve_sde(tr_ctx *ctx, tr_sde_spec spec, tr_dtype dtype, const double *times, int n_times,
                           tr_out_fn listener, tr_sde_stats *stats) {
  meter m = {.ctx = ctx};
  tr_sde_problem problem = {
      .drift = field, .g2 = unit_noise2, .g2_integral = unit_noise2_integral, .user = &m};
  tr_array *x = start(ctx, dtype);
  tr_brownian *path;
  CHECK_OK(ctx, spec.rtol > 0 ? tr_brownian_create_tree(ctx, 3, 0, 0, 1, &path)
                              : tr_brownian_create_addressed(ctx, 3, 0, &path));
  spec.on_progress = meter_progress;
  spec.progress_user = &m;
  CHECK_OK(ctx, tr_sde_solve(&spec, &problem, path, times, n_times, x, listener, NULL, stats));
  CHECK(stats->n_rhs == m.calls);
  tr_counts c = beside(&m, true);
  show(spec.method->info.name, dtype, stats->n_steps, stats->n_rhs, &c);
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
  return c;
}

/* A program for each evaluation, which draws the normals, too. */
static void sde_grids(tr_ctx *ctx, tr_dtype dtype) {
  static const double times[] = {0, 0.31, 0.32, 0.77, 1};
  double grid[STEPS + 1];
  const tr_module *module;
  int seen = 0;
  for (int i = 0; i <= STEPS; i++) grid[i] = (double)i / STEPS;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, i)); i++) {
    tr_sde_spec spec = {.method = (const tr_sde_method *)module, .grid = grid, .n_grid = STEPS + 1};
    const tr_srk_table *table = spec.method->detail;
    const bool noise_first = spec.method->caps & TR_SDE_NOISE_FIRST;
    CHECK(noise_first == (table->stage_w[0][0] != 0 || table->stage_h[0][0] != 0));
    tr_sde_stats stats;
    tr_counts c = solve_sde(ctx, spec, dtype, NULL, 0, NULL, &stats);
    CHECK(stats.n_steps == STEPS);
    /* What may wait for the next step does, but for the look every 16 steps. */
    CHECK(c.programs <= stats.n_rhs + (noise_first ? STEPS / 16 + 1 : 0));
    CHECK(c.operations == c.programs);
    CHECK(c.waits <= STEPS / 16 + 1);
    const int64_t plain = c.operations;
    c = solve_sde(ctx, spec, dtype, times, 5, listen, &stats);
    CHECK(c.operations <= plain + 3 * 3);
    CHECK(c.waits <= STEPS / 16 + 1 + 4);
    seen++;
  }
  CHECK(seen >= 6);
}

/* A program for each evaluation of a step, rejected or not, one for its error estimate, which is a wait, and
 * the operation that asks the Brownian tree. */
static void sde_adaptive(tr_ctx *ctx, tr_dtype dtype) {
  static const char *const methods[] = {"sra1", "shark", "sosra"};
  for (int i = 0; i < 3; i++) {
    tr_sde_spec spec = {
        .method = find_sde(ctx, methods[i]), .grid = unit, .n_grid = 2, .rtol = 1e-2, .atol = 1e-2};
    tr_sde_stats stats;
    tr_counts c = solve_sde(ctx, spec, dtype, NULL, 0, NULL, &stats);
    const long tried = stats.n_steps + stats.n_rejected;
    CHECK(c.programs <= stats.n_rhs + tried + stats.n_steps / 16 + 1);
    CHECK(c.operations <= c.programs + tried);
    CHECK(c.waits <= tried + stats.n_steps / 16 + 1);
  }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  for (tr_dtype dtype = TR_F32; dtype <= TR_F64; dtype++) {
    adaptive(ctx, dtype);
    fixed_grids(ctx, dtype);
    sde_grids(ctx, dtype);
    sde_adaptive(ctx, dtype);
  }
  tr_ctx_close(&ctx);
  return check_report();
}
