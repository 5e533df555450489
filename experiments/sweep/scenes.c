#include "experiments/sweep/scenes.h"

#include <math.h>
#include <stdlib.h>

tr_status sweep_scenes_open(const sweep_plan *plan, sweep_target *target, progress *progress,
                            double total_cost, sweep_scenes *out) {
  *out = (sweep_scenes){.tight = sweep_tight_here(target, progress),
                        .scene = calloc((size_t)plan->n_seeds, sizeof *out->scene)};
  if (!out->scene)
    return TR_FAIL(target->program->ctx, TR_E_MEM, "out of memory for %d seeds", plan->n_seeds);
  for (int i = 0; i < plan->n_seeds; i++) {
    out->scene[out->n++] = (sweep_scene){.plan = plan,
                                         .target = target,
                                         .progress = progress,
                                         .tight = &out->tight,
                                         .total_cost = total_cost,
                                         .path = -1,
                                         .seed = -1};
    TR_TRY(program_check_interrupt(target->program));
    TR_TRY(sweep_scene_set(&out->scene[i], 0, i));
    TR_TRY(sweep_scene_solve(&out->scene[i]));
  }
  return TR_OK;
}

void sweep_scenes_close(sweep_scenes *scenes) {
  for (int i = 0; i < scenes->n; i++) sweep_scene_free(&scenes->scene[i]);
  free(scenes->scene);
  *scenes = (sweep_scenes){0};
}

tr_status sweep_scenes_errors(sweep_scenes *scenes, const sweep_setting *setting, int first, int n,
                              double *error, long *nfe) {
  for (int i = 0; i < n; i++) {
    sweep_result result;
    TR_TRY(program_check_interrupt(scenes->scene[first + i].target->program));
    TR_TRY(sweep_scene_run(&scenes->scene[first + i], setting, &result));
    error[i] = isfinite(result.relative) ? result.relative : INFINITY;
    if (nfe) *nfe = result.nfe;
  }
  return TR_OK;
}

double sweep_scenes_rms(const double *error, int n) {
  double square = 0;
  for (int i = 0; i < n; i++) square += error[i] * error[i] / n;
  return sqrt(square);
}
