/* The order of every registered ODE and SDE method, measured (tests/support/problems/orders.h) and compared
 * with what its table claims; prints both. A new method is tested here as soon as it is registered. */
#include "core/module/registry.h"
#include "integrators/ode/runge_kutta.h"
#include "integrators/register.h"
#include "tests/support/problems/orders.h"

static void print_orders(const orders *o) {
  for (int i = 0; i < o->n; i++) printf(" %.2f", o->order[i]);
}

static void fixed_order(tr_ctx *ctx, const tr_ode_method *method) {
  orders measured;
  orders_fixed(ctx, method, &measured);
  printf("%-16s claimed %g, %d evaluations a step; measured", method->info.name, method->order,
         method->nfe_per_step);
  print_orders(&measured);
  printf("\n");
  CHECK(measured.nfe_per_step == method->nfe_per_step);
  for (int run = 0; run < measured.n; run++) {
    CHECK_NEAR(measured.order[run], method->order, 0.2);
    CHECK(measured.fine[run] < 0.05);
  }
}

/* The error follows the tolerance down; where the order is constant, error ~ steps^-order. */
static void adaptive_order(tr_ctx *ctx, const tr_ode_method *method) {
  orders measured;
  double over_tolerance, fall;
  orders_adaptive(ctx, method, &measured, &over_tolerance, &fall);
  printf("%-16s claimed %g; measured", method->info.name, method->order);
  print_orders(&measured);
  printf("\n");
  CHECK(over_tolerance < 300);
  CHECK(fall < 0.3);
  for (int run = 0; run < measured.n && method->order > 0; run++) {
    CHECK(measured.order[run] > 0.85 * method->order);
    if (run < 2) CHECK(measured.order[run] < 1.15 * method->order); /* elsewhere errors of the steps cancel */
  }
}

/* A user's own method is a table like the built-in ones. */
static const tr_butcher ralston_table = {
    .stages = 3, .c = {0, 0.5, 0.75}, .a = {{0}, {0.5}, {0, 0.75}}, .b = {2. / 9, 1. / 3, 4. / 9}};
static const tr_ode_method ralston = {.info = {.name = "ralston3", .summary = "Ralston's third-order method"},
                                      .order = 3,
                                      .nfe_per_step = 3,
                                      .detail = &ralston_table,
                                      .solve = tr_runge_kutta_solve};

static void ode_orders(tr_ctx *ctx) {
  CHECK_OK(ctx, tr_register(ctx, TR_KIND_ODE_METHOD, &ralston.info));
  const tr_module *module;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, i)) != NULL; i++) {
    const tr_ode_method *method = (const tr_ode_method *)module;
    if (method->caps & TR_ODE_ADAPTIVE)
      adaptive_order(ctx, method);
    else
      fixed_order(ctx, method);
  }
}

static void sde_orders(tr_ctx *ctx) {
  orders_path path;
  orders_path_open(ctx, &path);
  const tr_module *module;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, i)) != NULL; i++) {
    const tr_sde_method *method = (const tr_sde_method *)module;
    orders of, strong;
    orders_weak(ctx, method, &of);
    orders_strong(ctx, method, &path, &strong);
    double weak = fmin(of.order[0], of.order[1]); /* of the mean or the variance, whichever is lower */
    printf("%-16s claimed weak %g, strong %g, %d evaluations a step; measured %.2f, %.2f\n", module->name,
           method->weak_order, method->strong_order, method->nfe_per_step, weak, strong.order[0]);
    CHECK_NEAR(weak, method->weak_order, 0.15);
    CHECK_NEAR(strong.order[0], method->strong_order, 0.25);
    CHECK(of.fine[0] < 0.01 && of.fine[1] < 0.01 && strong.fine[0] < 0.1);
    CHECK(of.nfe_per_step == method->nfe_per_step && strong.nfe_per_step == method->nfe_per_step);
  }
  orders_path_close(&path);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  ode_orders(ctx);
  sde_orders(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
