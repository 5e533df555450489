#include "tests/support/problems/problems.h"

#include <stdio.h>
#include <string.h>

#define MIXTURE(text, n)                                                                                     \
  { "--target", text, "--num-samples", n, "--reference-rtol", "1e-11" }

static const struct {
  const char *name, *ab3_grid, *arguments[6];
} known[PROBLEMS] = {
    {"d2-smooth", "uniform", MIXTURE("gmm:d=2,modes=8,std=0.5", "256")},
    {"d2-sharp", "cosine", MIXTURE("gmm:d=2,modes=8,std=0.05", "256")},
    {"d64-smooth", "uniform", MIXTURE("gmm:d=64,modes=10,std=0.5,radius=4", "64")},
    {"d64-sharp", "cosine", MIXTURE("gmm:d=64,modes=10,std=0.05,radius=4", "64")},
    {"digits",
     "cosine",
     {"--ckpt", TR_EXPERIMENT_DATA "/digits-ema.pt", "--num-samples", "10", "--reference-rtol", "1e-7"}},
};

/* `--solvers` is a required option; which one it names is never looked at. */
static tr_status parse(int i, int seeds, problem *p) {
  static const char *const ranges[PROBLEM_SEEDS] = {"0:1", "0:2", "0:3", "0:4"};
  const char *const rest[] = {"--seeds", ranges[seeds - 1], "--threads", "1", "--solvers",
                              "ab2",     "--out",           "unused"};
  char *arguments[sizeof known[i].arguments / sizeof(char *) + sizeof rest / sizeof *rest];
  tr_parsed parsed;
  memcpy(arguments, known[i].arguments, sizeof known[i].arguments);
  memcpy(arguments + sizeof known[i].arguments / sizeof(char *), rest, sizeof rest);
  TR_TRY(tr_options_parse(p->program.ctx, &sweep_table, sizeof arguments / sizeof *arguments, arguments,
                          &p->options, &parsed));
  TR_TRY(sweep_target_open(&p->program, &p->options, &p->target));
  return sweep_plan_make(p->program.ctx, &p->options, sweep_target_path(&p->target), &p->plan);
}

tr_status problem_open(int i, int seeds, problem *out) {
  *out = (problem){.name = known[i].name, .ab3_grid = known[i].ab3_grid, .program = {.command = "sweep"}};
  TR_TRY(program_open(&out->program, "cpu", 0, 1));
  TR_TRY(parse(i, seeds, out));
  TR_TRY(sweep_target_build(&out->target));
  return sweep_scenes_open(&out->plan, &out->target, &out->progress, 1, &out->scenes);
}

void problem_close(problem *p) {
  sweep_scenes_close(&p->scenes);
  sweep_plan_free(&p->plan);
  sweep_target_close(&p->target);
  tr_options_free(&sweep_table, &p->options);
  tr_ctx_close(&p->program.ctx);
}

static tr_status find(problem *p, const char *method, sweep_setting *out) {
  const tr_module *module;
  TR_TRY(tr_find(p->program.ctx, TR_KIND_ODE_METHOD, method, &module));
  *out = (sweep_setting){.ode = (const tr_ode_method *)module};
  snprintf(out->solver, sizeof out->solver, "%s", method);
  return TR_OK;
}

tr_status problem_fixed(problem *p, const char *method, const char *grid, long steps, double *error,
                        long *nfe) {
  sweep_setting setting;
  double errors[PROBLEM_SEEDS];
  TR_TRY(find(p, method, &setting));
  TR_TRY(tr_grid_find(p->program.ctx, grid, &setting.grid));
  setting.steps = steps;
  TR_TRY(sweep_scenes_errors(&p->scenes, &setting, 0, p->scenes.n, errors, nfe));
  *error = sweep_scenes_rms(errors, p->scenes.n);
  return TR_OK;
}

tr_status problem_adaptive(problem *p, const char *method, double tolerance, int seed, double *rms,
                           long *nfe) {
  sweep_setting setting;
  TR_TRY(find(p, method, &setting));
  setting.adaptive = true;
  setting.rtol = tolerance;
  TR_TRY(sweep_scenes_errors(&p->scenes, &setting, seed, 1, rms, nfe));
  *rms *= p->scenes.scene[seed].end_rms;
  return TR_OK;
}

tr_status problem_spend(problem *p, int budget, problem_budget *out) {
  long heun2, ab2, ab3;
  TR_TRY(problem_fixed(p, "heun2", "uniform", budget / 2, &out->heun2, &heun2));
  TR_TRY(problem_fixed(p, "ab2", "uniform", budget, &out->ab2, &ab2));
  TR_TRY(problem_fixed(p, "ab3", p->ab3_grid, budget, &out->ab3, &ab3));
  if (heun2 > budget || ab2 != budget || ab3 != budget)
    return TR_FAIL(p->program.ctx, TR_E_ARG, "a budget of %d: heun2 spent %ld, ab2 %ld, ab3 %ld", budget,
                   heun2, ab2, ab3);
  return TR_OK;
}
