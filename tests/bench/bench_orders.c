/* Claimed and measured order and evaluations per step of every registered method: the Markdown of
 * docs/orders.md, on standard output. Measured as the tests do (tests/support/problems/orders.h); in f64 on
 * the CPU, the same on every machine to the digits shown. bench_orders */
#include <stdlib.h>

#include "core/module/registry.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "tests/support/problems/moments.h"
#include "tests/support/problems/orders.h"
#include "transport/exponential/exponential.h"

static void print_range(const double *value, int n) {
  double low = value[0], high = value[0];
  for (int i = 1; i < n; i++) low = fmin(low, value[i]), high = fmax(high, value[i]);
  char least[16], most[16];
  snprintf(least, sizeof least, "%.1f", low);
  snprintf(most, sizeof most, "%.1f", high);
  if (strcmp(least, most) == 0)
    printf(" %s |", least);
  else
    printf(" %s to %s |", least, most);
}

static void print_claim(double claim) {
  if (claim > 0)
    printf(" %g |", claim);
  else
    printf(" varies |");
}

static void ode_row(const tr_ode_method *method, double claim, const char *problems, const orders *measured) {
  printf("| `%s` |", method->info.name);
  print_claim(claim);
  print_range(measured->order, measured->n);
  print_claim(method->nfe_per_step);
  printf(" %.3g | %s |\n", measured->nfe_per_step, problems);
}

static void ode_table(tr_ctx *ctx) {
  const tr_module *module;
  printf("| ODE method | order | measured | NFE a step | measured | on |\n|---|---|---|---|---|---|\n");
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, i)); i++) {
    const tr_ode_method *method = (const tr_ode_method *)module;
    orders measured;
    double over_tolerance, fall;
    if (method->caps & TR_ODE_ANGLE) {
      orders_angle(ctx, method, &measured);
      ode_row(method, method->order, "exact flows, between the ends", &measured);
      orders_whole(ctx, method, &measured);
      ode_row(method, ((const tr_exponential *)method->detail)->whole_order, "exact flows, end to end",
              &measured);
    } else if (method->caps & TR_ODE_ADAPTIVE) {
      orders_adaptive(ctx, method, &measured, &over_tolerance, &fall);
      ode_row(method, method->order, "tolerances", &measured);
    } else {
      orders_fixed(ctx, method, &measured);
      ode_row(method, method->order, "uneven grids", &measured);
    }
  }
}

static void sde_row(const tr_sde_method *method, const orders *weak, const orders *strong,
                    const char *problems) {
  printf("| `%s` | %g |", method->info.name, method->weak_order);
  print_range(weak->order, weak->n);
  printf(" %g |", method->strong_order);
  print_range(strong->order, strong->n);
  printf(" %d | %.3g | %s |\n", method->nfe_per_step, weak->nfe_per_step, problems);
}

/* The lower of the two orders of the mean and the variance is the method's. */
static void keep_lower(orders *weak) {
  weak->n = 1;
  weak->order[0] = fmin(weak->order[0], weak->order[1]);
}

/* Noise around ODE methods has their order and evaluations. */
static void noised_rows(tr_ctx *ctx, const tr_sde_method *method) {
  static const char *const odes[] = {"euler", "heun2", "midpoint", "ddim"};
  for (int i = 0; i < 4; i++) {
    const tr_ode_method *ode = flow_ode_method(ctx, odes[i]);
    orders weak;
    orders_noised(ctx, method, ode, &weak);
    printf("| `%s`, `%s` | %g |", method->info.name, odes[i], ode->order);
    print_range(weak.order, weak.n);
    printf(" - | | %d | %.3g | noise around an ODE |\n", ode->nfe_per_step, weak.nfe_per_step);
  }
}

static void sde_table(tr_ctx *ctx) {
  const tr_module *module;
  orders_path path;
  orders_path_open(ctx, &path);
  printf("\n| SDE method | weak order | measured | strong order | measured | NFE a step | measured | on |\n"
         "|---|---|---|---|---|---|---|---|\n");
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, i)); i++) {
    const tr_sde_method *method = (const tr_sde_method *)module;
    orders weak, strong;
    if (tr_noised_ode_of(method)) {
      noised_rows(ctx, method);
    } else if (method->step) {
      orders_weak(ctx, method, &weak);
      orders_strong(ctx, method, &path, &strong);
      keep_lower(&weak);
      sde_row(method, &weak, &strong, "plain SDEs");
    } else {
      orders_strong_sampled(ctx, method, &strong);
      for (int p = 0; p < 3; p++) {
        char text[64];
        orders_forms(ctx, moments_paths[p], method, 600, &weak);
        snprintf(text, sizeof text, "forms on %s", moments_paths[p]);
        sde_row(method, &weak, &strong, text);
      }
    }
  }
  orders_path_close(&path);
}

static void print_how(void) {
  printf(
      "# Orders of the methods, claimed by their tables and measured\n\n"
      "Made by `build/bench_orders > docs/orders.md` (`sh experiments/figures.sh` writes it to\n"
      "`out/figures/orders.md`); `ctest -R 'orders|exponential|noised'` fails where a measured order is not "
      "the\n"
      "claimed one. An order is the slope of the error between two refinements, in f64; a range is over the\n"
      "problems named. NFE are evaluations of the field, counted.\n\n"
      "- *uneven grids*: 60 and 120 steps on a damped rotation and on a logistic equation, forwards and\n"
      "  backwards.\n"
      "- *tolerances*: the same problems; error against steps from rtol = atol = 1e-7 to 1e-11. Methods "
      "that\n"
      "  choose their order have none to claim. NFE a step count rejected steps, and the start.\n"
      "- *exact flows, between the ends*: a Gaussian and a mixture on three paths, in both directions, from\n"
      "  t = 0.1 to 0.9; 60 to 120 steps against 480. *End to end*: from t = 0 to 1, the default, on Linear "
      "and\n"
      "  GVP; 150 to 300 steps against 1200. Methods of high order may show more than they claim. "
      "`dpmpp-2m`\n"
      "  has order 2 less a logarithm of the number of steps from end to end.\n"
      "- *plain SDEs*: weak order of the mean or the variance, whichever is lower, on an affine SDE from\n"
      "  exact moments (100 and 200 steps, no sampling); strong order on a nonlinear one, 512 samples of "
      "one\n"
      "  Brownian path, 16 and 64 steps.\n"
      "- *forms*: weak order of the variance from exact moments for each of nine diffusion forms, from\n"
      "  t = 0.04 to 0.96, 600 and 1200 steps (with fewer the errors of some forms change sign). Steps with\n"
      "  the constant form are many relaxation times long near the data; there the error may still change\n"
      "  sign. Strong order with the form sigma on a mixture, 32 and 128 steps.\n"
      "- *noise around an ODE*: weak order of the variance on Linear and GVP with the form sigma, 100 and\n"
      "  200 steps. Order and evaluations are those of the ODE method; there is no strong order to claim.\n"
      "\n");
}

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) {
    fprintf(stderr, "usage: bench_orders > docs/orders.md\n");
    return 2;
  }
  tr_error error;
  tr_ctx *ctx;
  if (tr_ctx_open("cpu", 0, &ctx, &error) != TR_OK) {
    fprintf(stderr, "bench_orders: %s\n", error.message);
    return 1;
  }
  CHECK_OK(ctx, tr_register_all(ctx));
  print_how();
  ode_table(ctx);
  sde_table(ctx);
  tr_ctx_close(&ctx);
  if (check_failures) fprintf(stderr, "bench_orders: %d runs failed (above)\n", check_failures);
  return check_failures ? 1 : 0;
}
