/* A device that breaks in the midst of a solve: one line that names what could not be done, nothing leaks,
 * and the next context is as good as new. */
#include "tests/simt/tested.h"

extern "C" {
#include "core/vec/vec.h"
#include "integrators/register.h"
#include "tests/support/problems/ode_problems.h"
#include "tests/support/problems/sde_problems.h"
}

static __global__ void meet_alone() {
  if (threadIdx.x == 0) __syncthreads();
}

/* Breaks the device at its evaluation number 7. */
static tr_status field(double t, const tr_array *x, tr_array *dx, void *user) {
  int *calls = (int *)user;
  (void)t;
  if (++*calls == 7) {
    launch(nullptr, meet_alone, dim3(1), dim3(32), 0);
    (void)cudaDeviceSynchronize();
  }
  return tr_scale(-1, x, dx);
}

static tr_status solve(tr_ctx *ctx, const char *method, bool sde, tr_array *x) {
  double grid[21];
  int calls = 0;
  for (int i = 0; i <= 20; i++) grid[i] = i / 20.;
  if (!sde) {
    tr_ode_spec spec = {};
    tr_rhs rhs = {};
    rhs.fn = field, rhs.user = &calls;
    spec.method = find_ode(ctx, method);
    if (spec.method->caps & TR_ODE_ADAPTIVE)
      spec.rtol = 1e-6, spec.atol = 1e-6;
    else
      spec.grid = grid, spec.n_grid = 21;
    return tr_ode_solve(&spec, &rhs, grid, 21, x, nullptr, nullptr, nullptr);
  }
  tr_sde_spec spec = {};
  tr_sde_problem problem = {};
  tr_brownian *path;
  problem.drift = field, problem.user = &calls, problem.g2 = unit_noise2;
  spec.method = find_sde(ctx, method), spec.grid = grid, spec.n_grid = 21;
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 1, 0, &path));
  tr_status status = tr_sde_solve(&spec, &problem, path, nullptr, 0, x, nullptr, nullptr, nullptr);
  tr_brownian_destroy(&path);
  return status;
}

static void breaks(const char *method, bool sde) {
  const int64_t shape[1] = {300};
  tr_ctx *ctx;
  tr_array *x;
  double value[300];
  CHECK_OK(nullptr, tr_ctx_open("emulated:0", 1, &ctx, nullptr));
  CHECK_OK(ctx, tr_integrators_register(ctx));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, shape, &x));
  CHECK_OK(ctx, tr_fill(1, x));
  CHECK_OK(ctx, tr_wait(ctx));
  const tr_status status = solve(ctx, method, sde, x);
  const char *message = tr_ctx_error(ctx)->message;
  CHECK(status == TR_E_DEVICE && strstr(message, " failed: ") && !strchr(message, '\n'));
  if (status != TR_E_DEVICE) printf("%s: %s \"%s\"\n", method, tr_status_name(status), message);
  CHECK(tr_array_get_f64(x, value) == TR_E_DEVICE); /* it stays broken, and says so */
  tr_array_destroy(&x);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  simt_forget_errors();
}

int main() {
  for (int i = 0; i < 2; i++)
    for (const char *method : {"cvode-adams", "cvode-bdf", "dopri5", "euler", "rk4", "ab2"})
      breaks(method, false);
  for (const char *method : {"euler-maruyama", "shark"}) breaks(method, true);
  return check_report();
}
