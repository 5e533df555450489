/* A time grid and an ODE method of a user's own, each with a parameter that must be given: tune-grid takes
 * both by name, and a grid whose parameter nobody gave does not compete. */
#include <math.h>
#include <stdlib.h>

#include "integrators/ode/ode_run_private.h"
#include "integrators/ode/runge_kutta.h"
#include "tests/support/check.h"
#include "tests/support/said.h"
#include "tests/support/scratch.h"
#include "transport/grid/grid.h"

/* ---- the grid: uniform in t^k ---- */

static const tr_param exponent[] = {{.name = "exponent",
                                     .value = NAN,
                                     .range = {.ends = TR_RANGE_GT | TR_RANGE_LE, .low = 0, .high = 4},
                                     .help = "the exponent of t"}};

static double position(const tr_grid *grid, const tr_coeffs *at) {
  return pow(at->t, grid->values.v[0]);
}

static double time_of(const tr_grid *grid, const tr_interpolant *interpolant, double u) {
  (void)interpolant;
  return pow(u, 1 / grid->values.v[0]);
}

static const tr_grid_type grid = {
    .info = {.name = "power", .summary = "uniform in t^exponent", .params = exponent, .n_params = 1},
    .position = position,
    .time = time_of};

/* ---- the method: two stages, the second at the share c of a step ---- */

static const tr_param share[] = {{.name = "share",
                                  .value = NAN,
                                  .range = {.ends = TR_RANGE_GT | TR_RANGE_LE, .low = 0, .high = 1},
                                  .help = "where the second stage is"}};

static tr_status solve(tr_ode_run *run) {
  const double c = run->spec->values.v[0];
  const tr_butcher table = {.stages = 2, .c = {0, c}, .a = {{0}, {c}}, .b = {1 - 1 / (2 * c), 1 / (2 * c)}};
  const tr_ode_method *named = run->method;
  tr_ode_method settled = *named;
  settled.detail = &table;
  run->method = &settled;
  tr_status status = tr_runge_kutta_solve(run);
  run->method = named;
  return status;
}

static const tr_ode_method method = {
    .info = {.name = "two-stage", .summary = "order 2", .params = share, .n_params = 1},
    .order = 2,
    .nfe_per_step = 2,
    .caps = TR_ODE_BREAKS,
    .solve = solve};

static tr_status register_own(tr_ctx *ctx) {
  TR_TRY(tr_register(ctx, TR_KIND_GRID, &grid.info));
  return tr_register(ctx, TR_KIND_ODE_METHOD, &method.info);
}

/* ---- the program with them ---- */

static int tune(const char *options, const char *dir) {
  char line[1024];
  snprintf(line, sizeof line,
           "tune-grid --target gmm:d=2,modes=3,std=0.3 --num-samples 4 --pilot-seeds 0:1 --seeds 1:3 --nfe 8 "
           "--path-type GVP %s --out %s",
           options, scratch(dir));
  return said_by(register_own, line);
}

static void read_record(const char *dir) {
  char path[300];
  snprintf(path, sizeof path, "%s/run.json", scratch(dir));
  said_record(path);
}

#define TIMES "\"times\":[0.0,0.0625,0.25,0.5625,1.0]" /* of exponent = 1/2 */

static void competing(void) {
  CHECK(tune("--sampling-method midpoint --grid-param exponent=0.5", "with") == 0);
  CHECK(strstr(said, "warning") == NULL);
  read_record("with");
  SAYS("\"grid\":\"power\"");
  SAYS(TIMES);
  SAYS("\"grid-param\":{\"exponent\":0.5}");
}

static void passed_over(void) {
  CHECK(tune("--sampling-method midpoint", "without") == 0);
  const char *warning =
      "the time grid power does not compete: give its parameter, --grid-param exponent=VALUE";
  SAYS(warning);
  const char *first = strstr(said, "warning");
  CHECK(first && strstr(first + 1, "warning") == NULL);
  read_record("without");
  CHECK(strstr(said, "\"grid\":\"power\"") == NULL);
  SAYS("\"grid\":\"uniform\"");
}

/* The candidates, their times and errors with them. */
static char *candidates(const char *dir) {
  read_record(dir);
  char *from = strstr(said, "\"candidates\":"), *to = strstr(said, "\"chosen\":");
  CHECK(from && to && to > from);
  return from && to > from ? strndup(from, (size_t)(to - from)) : calloc(1, 1);
}

/* The share 1/2 is the midpoint method that ships, every digit of its errors. */
static void solved_with(void) {
  CHECK(tune("--sampling-method two-stage --method-param share=0.5 --grid-param exponent=0.5", "share") == 0);
  CHECK(tune("--sampling-method two-stage --method-param share=1 --grid-param exponent=0.5", "heun") == 0);
  char *shipped = candidates("with"), *half = candidates("share");
  SAYS("\"method-param\":{\"share\":0.5}");
  char *whole = candidates("heun");
  CHECK(strcmp(half, shipped) == 0);
  CHECK(strcmp(half, whole) != 0);
  free(shipped);
  free(half);
  free(whole);
}

static void refused(void) {
  static const struct {
    const char *options, *says;
  } bad[] = {
      {"--grid-param exponnt=1", "has a parameter 'exponnt': did you mean 'exponent'?"},
      {"--grid-param exponent=5", "--grid-param: exponent of power is 5: use a finite number > 0 and <= 4"},
      {"--sampling-method two-stage", "--method-param: two-stage needs its parameter share"},
      {"--sampling-method two-stage --method-param share=2", "--method-param: share of two-stage is 2: use"},
      {"--sampling-method two-stage --method-param shar=1",
       "--method-param: two-stage has no parameter 'shar': did you mean 'share'?"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK(tune(bad[i].options, "refused") == 2);
    SAYS(bad[i].says);
  }
}

int main(void) {
  competing();
  passed_over();
  solved_with();
  refused();
  return check_report();
}
