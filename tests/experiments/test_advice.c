/* Errors of solvers, made by solves that fail, as the users of commands read them: no field of a struct, no
 * option that the command lacks. */
#include "core/vec/vec.h"
#include "experiments/common/advice.h"
#include "experiments/likelihood/options.h"
#include "experiments/sample/options.h"
#include "experiments/sweep/options.h"
#include "experiments/train/options.h"
#include "integrators/ode/ode.h"
#include "integrators/sde/sde.h"
#include "nets/register.h"
#include "tests/support/check.h"

static const double whole[] = {0, 1};

static tr_status decay(double t, const tr_array *x, tr_array *dx, void *user) {
  (void)t, (void)user;
  return tr_axpby(-40, x, 0, x, dx);
}

static tr_status unit(double t, double *out, void *user) {
  (void)t, (void)user;
  *out = 1;
  return TR_OK;
}

static tr_status length(double from, double to, double *out, void *user) {
  (void)user;
  *out = to - from;
  return TR_OK;
}

static tr_array *state(tr_ctx *ctx) {
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (const int64_t[]){1, 2}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, (const double[]){1, -2}));
  return x;
}

static tr_status solve_ode(tr_ctx *ctx, tr_ode_spec spec, const char *method) {
  const tr_module *module;
  tr_ode_stats stats;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, method, &module));
  spec.method = (const tr_ode_method *)module;
  spec.atol = spec.rtol;
  tr_array *x = state(ctx);
  tr_status status = tr_ode_solve(&spec, &(tr_rhs){.fn = decay}, whole, 2, x, NULL, NULL, &stats);
  tr_array_destroy(&x);
  return status;
}

static tr_status solve_sde(tr_ctx *ctx, tr_sde_spec spec) {
  const tr_module *module;
  tr_sde_stats stats;
  tr_brownian *path;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_SDE_METHOD, "shark", &module));
  spec.method = (const tr_sde_method *)module;
  spec.grid = whole;
  spec.n_grid = 2;
  spec.atol = spec.rtol;
  tr_array *x = state(ctx);
  CHECK_OK(ctx, tr_brownian_create_tree(ctx, 0, 0, 0, 1, &path));
  tr_sde_problem problem = {.drift = decay, .g2 = unit, .g2_integral = length};
  tr_status status = tr_sde_solve(&spec, &problem, path, whole, 2, x, NULL, NULL, &stats);
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
  return status;
}

/* The message of a failure for this reader: it has `want`, and nothing of what nobody can type. */
static void read_as(tr_ctx *ctx, tr_status status, const advice_reader *reader, const char *want) {
  static const char *const never[] = {"max_steps", "rtol =",     "atol =",         "max_order",
                                      "h0",        "leave it 0", "eps above 0, or"};
  CHECK(status != TR_OK);
  CHECK(advice_error(ctx, status, reader) == status && tr_ctx_error(ctx)->status == status);
  const char *text = tr_ctx_error(ctx)->message;
  for (size_t i = 0; i < sizeof never / sizeof *never; i++)
    if (strstr(text, never[i])) printf("'%s' in: %s\n", never[i], text), CHECK(false);
  if (!strstr(text, want)) printf("no '%s' in: %s\n", want, text), CHECK(false);
  tr_ctx_clear(ctx);
}

static const advice_reader sampler_ode = {&sample_table, SAMPLE_ODE, NULL},
                           sampler_sde = {&sample_table, SAMPLE_SDE, NULL},
                           likelihood = {&likelihood_table, 0, NULL}, sweep = {&sweep_table, 0, NULL},
                           tight = {&sweep_table, 0, "tight-rtol"};

static void of_odes(tr_ctx *ctx) {
  const tr_module *module;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, i)); i++) {
    const tr_ode_method *method = (const tr_ode_method *)module;
    if (!(method->caps & TR_ODE_ADAPTIVE) || method->caps & TR_ODE_ANGLE) continue;
    tr_ode_spec spec = {.rtol = 1e-9, .max_steps = 3};
    read_as(ctx, solve_ode(ctx, spec, module->name), &sampler_ode, ": loosen --rtol");
    read_as(ctx, solve_ode(ctx, spec, module->name), &likelihood, ": loosen --rtol");
    read_as(ctx, solve_ode(ctx, spec, module->name), &tight, ": loosen --tight-rtol");
  }
  tr_ode_spec order = {.rtol = 1e-3, .max_order = 2}, first = {.grid = whole, .n_grid = 2, .h0 = 0.1};
  read_as(ctx, solve_ode(ctx, order, "dopri5"), &sampler_ode,
          "has no order to bound: leave --max-order away");
  read_as(ctx, solve_ode(ctx, first, "euler"), &sampler_ode, "has no first step: leave --first-step away");
}

static void of_sdes(tr_ctx *ctx) {
  tr_sde_spec few = {.rtol = 1e-6, .max_steps = 3};
  read_as(ctx, solve_sde(ctx, few), &sampler_sde, ": loosen --rtol or --atol");
  read_as(ctx, solve_sde(ctx, few), &sweep, ": loosen --sde-rtol or --atol");
  tr_sde_spec tiny = {.rtol = 1e-300};
  read_as(ctx, solve_sde(ctx, tiny), &sampler_sde, "without meeting its tolerance: loosen --rtol or --atol");
}

static void of_texts(void) {
  char text[160] = "m evaluates the drift: use a last step, a sample eps above 0, or euler-maruyama";
  advice_translate(&sampler_sde, text, sizeof text);
  CHECK(strstr(text, "use a last step, a --sample-eps above 0, or euler-maruyama"));
  snprintf(text, sizeof text,
           "m evaluates the drift: use a last step, a sample eps above 0, or euler-maruyama");
  advice_translate(&sweep, text, sizeof text);
  CHECK(strstr(text, "drift: use a last step, or euler-maruyama"));
  snprintf(text, sizeof text, "nothing to say of rtol = x or raise max_steps");
  advice_translate(&sampler_ode, text, sizeof text);
  CHECK(strcmp(text, "nothing to say of rtol = x or raise max_steps") == 0);
  char family[] =
      "0 assumed (a DiT looks the same: its model family is dit), and more of it: be that as it may";
  advice_translate(&(advice_reader){&train_table, 0, NULL}, family, sizeof family);
  CHECK(strstr(family, "(a DiT looks the same: its model family is dit)"));
  advice_translate(&sweep, family, sizeof family);
  CHECK(strstr(family, "(a DiT looks the same: --model-family dit opens it as one), and more"));
  char small[44] = "loosen rtol = 1, or look there";
  advice_translate(&sampler_ode, small, sizeof small);
  CHECK(strcmp(small, "loosen --rtol, or look there") == 0);
}

int main(void) {
  tr_ctx *ctx;
  CHECK(tr_ctx_open("cpu", 0, &ctx, NULL) == TR_OK);
  CHECK_OK(ctx, tr_register_all(ctx));
  of_odes(ctx);
  of_sdes(ctx);
  of_texts();
  tr_ctx_close(&ctx);
  return check_report();
}
