/* Weak error of SDE methods against their evaluations: relative error of the variance at t = 0.96 for data
 * N(0.7, std^2), first with std 0.25 on the Linear path with the form sigma, then how the methods compare
 * with Euler-Maruyama at one number of evaluations on more such problems. Without Monte Carlo
 * (tests/support/problems/moments.h), so the numbers are exact and the same on every machine. Prints
 * Markdown. bench_weak */
#include <stdlib.h>

#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "tests/support/problems/moments.h"

#define END 0.96

static const int budgets[] = {24, 48, 96, 192, 384};
#define N_BUDGETS ((int)(sizeof budgets / sizeof *budgets))
#define AT_100    2 /* the budget nearest to 100 evaluations */

static const struct {
  const char *method, *ode;
} rows[] = {
    {"euler-maruyama", NULL},  {"heun-sit", NULL},    {"heun-additive", NULL},     {"sra1", NULL},
    {"shark", NULL},           {"sosra", NULL},       {"exponential-euler", NULL}, {"dpmpp-2m-sde", NULL},
    {"sa-solver", NULL},       {"sa-solver-3", NULL}, {"churn", "heun2"},          {"churn", "midpoint"},
    {"churn", "rk4-classical"}};
#define N_ROWS ((int)(sizeof rows / sizeof *rows))

typedef struct {
  const char *path, *form;
  double std;
} problem;
static const problem problems[] = {
    {"Linear", "sigma", 0.25}, {"Linear", "sigma", 1}, {"Linear", "sigma", 0.05}, {"Linear", "SBDM", 0.25},
    {"GVP", "sigma", 0.25},    {"GVP", "SBDM", 0.25},  {"VP", "SBDM", 0.25}};
#define N_PROBLEMS ((int)(sizeof problems / sizeof *problems))

/* n steps of equal length to END, and one more to the data, which the law at END does not see. */
static double error_at(tr_ctx *ctx, const problem *p, const char *method, const char *ode, int n) {
  double *points = malloc(((size_t)n + 2) * sizeof *points);
  tr_sampler s = moments_sampler(ctx, p->path, method, "Mean");
  CHECK_OK(ctx, tr_diffusion_find(ctx, p->form, &s.diffusion));
  CHECK_OK(ctx, tr_grid_find(ctx, "list", &s.grid));
  for (int i = 0; i < n; i++) points[i] = END * i / n;
  points[n] = END;
  points[n + 1] = 1;
  s.last_size = 1 - END;
  s.grid.list = points;
  s.grid.n_list = ode ? n + 2 : n + 1; /* churn and restart go on, the others have a last step there */
  if (ode) s.ode.method = flow_ode_method(ctx, ode);
  tr_coeffs at = tr_interpolant_at(&s.interpolant, END);
  double C = p->std * p->std, V = at.alpha * at.alpha * C + at.sigma * at.sigma;
  moments got = moments_passing(ctx, s, TR_VELOCITY, C, n + 1, END);
  free(points);
  return fabs(got.variance / V - 1);
}

static int cost(tr_ctx *ctx, int row) {
  return rows[row].ode ? flow_ode_method(ctx, rows[row].ode)->nfe_per_step
                       : flow_sde_method(ctx, rows[row].method)->nfe_per_step;
}

static void print_name(int row) {
  printf("| %s%s%s |", rows[row].method, rows[row].ode ? "+" : "", rows[row].ode ? rows[row].ode : "");
}

static void table(tr_ctx *ctx) {
  double euler[N_BUDGETS];
  printf("| method | NFE a step |");
  for (int b = 0; b < N_BUDGETS; b++) printf(" %d |", budgets[b]);
  printf(" Euler-Maruyama over it at %d |\n|---|---:|", budgets[AT_100]);
  for (int b = 0; b <= N_BUDGETS; b++) printf("---:|");
  printf("\n");
  for (int r = 0; r < N_ROWS; r++) {
    double error[N_BUDGETS];
    for (int b = 0; b < N_BUDGETS; b++) {
      error[b] = error_at(ctx, &problems[0], rows[r].method, rows[r].ode, budgets[b] / cost(ctx, r));
      if (r == 0) euler[b] = error[b];
    }
    print_name(r);
    printf(" %d |", cost(ctx, r));
    for (int b = 0; b < N_BUDGETS; b++) printf(" %.1e |", error[b]);
    printf(" %.2g |\n", euler[AT_100] / error[AT_100]);
  }
}

/* The error of Euler-Maruyama over that of the others. */
static void factors(tr_ctx *ctx) {
  printf("\nEuler-Maruyama's error over the method's at %d evaluations:\n\n| method |", budgets[AT_100]);
  for (int i = 0; i < N_PROBLEMS; i++)
    printf(" %s, %s, %g |", problems[i].path, problems[i].form, problems[i].std);
  printf("\n|---|");
  for (int i = 0; i < N_PROBLEMS; i++) printf("---:|");
  printf("\n");
  printf("| (its own error) |");
  for (int i = 0; i < N_PROBLEMS; i++)
    printf(" %.1e |", error_at(ctx, &problems[i], rows[0].method, NULL, budgets[AT_100]));
  printf("\n");
  for (int r = 1; r < N_ROWS; r++) {
    print_name(r);
    for (int i = 0; i < N_PROBLEMS; i++)
      printf(" %.2g |",
             error_at(ctx, &problems[i], rows[0].method, NULL, budgets[AT_100]) /
                 error_at(ctx, &problems[i], rows[r].method, rows[r].ode, budgets[AT_100] / cost(ctx, r)));
    printf("\n");
  }
}

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) {
    fprintf(stderr, "usage: bench_weak\n");
    return 2;
  }
  tr_error error;
  tr_ctx *ctx;
  if (tr_ctx_open("cpu", 0, &ctx, &error) != TR_OK) {
    fprintf(stderr, "bench_weak: %s\n", error.message);
    return 1;
  }
  CHECK_OK(ctx, tr_register_all(ctx));
  table(ctx);
  factors(ctx);
  tr_ctx_close(&ctx);
  if (check_failures) fprintf(stderr, "bench_weak: %d runs failed (above)\n", check_failures);
  return check_failures ? 1 : 0;
}
