/* What transit tune-grid says and writes. */
#include <math.h>

#include "core/io/file.h"
#include "experiments/tune/grid.h"

static const char *error_name(const tune *t) {
  return t->target.exact ? "rms" : "relative rms";
}

static void print_row(const tune *t, const tune_candidate *c, FILE *out) {
  stat_interval spread = stat_mean(c->errors, t->plan.n_seeds), ratio = c->ln_ratio;
  fprintf(out, "| %s%s | %.3g | %.6g | ", c->name, c == &t->candidate[t->chosen] ? " (written)" : "",
          c->pilot, c->held);
  if (isfinite(c->held))
    fprintf(out, "%.2g | %.3f", (spread.high - spread.low) / 2, c->held / t->candidate[0].held);
  else
    fprintf(out, "- | -");
  if (c == &t->candidate[0] || !ratio.n)
    fprintf(out, " | - |\n");
  else
    fprintf(out, " | %.3f to %.3f |\n", exp(ratio.low), exp(ratio.high));
}

void tune_print_table(const tune *t, FILE *out) {
  fprintf(out,
          "| grid | pilot seeds | held-out seeds | +- | over uniform | 95 %% |\n|---|---|---|---|---|---|\n");
  for (int i = 0; i < t->n_candidates; i++) print_row(t, &t->candidate[i], out);
}

static tr_status write_table(const tune *t, const char *path) {
  tr_out_file *file;
  TR_TRY(tr_out_file_open(t->program->ctx, path, &file));
  FILE *out = tr_out_file_stream(file);
  fprintf(
      out,
      "# Time grids for %s with %ld steps, %ld evaluations\n\nErrors (%s, at t = 1, against the tight "
      "solve) over %d pilot seeds and %d held out, %lld samples each, on the path %s. +- is the 95 %% "
      "half-width over the held-out seeds of their mean; the last column is the 95 %% interval over them of "
      "the "
      "mean ratio to uniform (of its logarithm), each grid by itself; one beats uniform where an interval "
      "does "
      "that holds for all grids together that were better on the pilot seeds.\n\n",
      t->setting.solver, t->setting.steps, t->setting.steps * tune_nfe_per_step(t), error_name(t),
      t->pilot_plan.n_seeds, t->plan.n_seeds, (long long)t->target.n, t->plan.paths[0].type->info.name);
  tune_print_table(t, out);
  fprintf(out, "\n%s\n",
          t->chosen ? "The grid written beats uniform on the pilot seeds and on those held out."
                    : "Uniform is better, or no grid beats it by more than the spread: the uniform grid is "
                      "written.");
  return tr_out_file_commit(t->program->ctx, &file);
}

static tr_status write_grid(const tune *t, const char *path) {
  tr_out_file *file;
  const tune_candidate *c = &t->candidate[t->chosen];
  TR_TRY(tr_out_file_open(t->program->ctx, path, &file));
  FILE *out = tr_out_file_stream(file);
  fprintf(out, "# transit tune-grid %s: %s\n# for %s, %ld evaluations, on %s\n", program_version(), c->name,
          t->setting.solver, t->setting.steps * tune_nfe_per_step(t), t->plan.paths[0].type->info.name);
  fprintf(out, "# %s error on held-out seeds %.6g, uniform %.6g\n", error_name(t), c->held,
          t->candidate[0].held);
  for (int i = 0; i < c->n; i++) fprintf(out, "%.17g\n", c->times[i]);
  return tr_out_file_commit(t->program->ctx, &file);
}

static json_t *candidates(const tune *t) {
  json_t *list = json_array();
  for (int i = 0; i < t->n_candidates; i++) {
    const tune_candidate *c = &t->candidate[i];
    json_t *json = json_object();
    json_object_set_new(json, "grid", record_text(c->name));
    json_object_set_new(json, "pilot_error", record_number(c->pilot));
    json_object_set_new(json, "error", record_number(c->held));
    json_object_set_new(json, "errors", record_numbers(c->errors, t->plan.n_seeds));
    json_object_set_new(json, "times", record_numbers(c->times, c->n));
    json_object_set_new(json, "beats_uniform", json_boolean(c->beats));
    json_array_append_new(list, json);
  }
  return list;
}

static tr_status write_record(tune *t, const char *path) {
  json_t *of_target;
  TR_TRY(sweep_target_record(&t->target, &of_target));
  json_t *json = record_create(t->program, &tune_table, t->parsed, t->options);
  json_object_set_new(json, "target", of_target);
  json_object_set_new(json, "nfe", json_integer(t->setting.steps * tune_nfe_per_step(t)));
  json_object_set_new(json, "n_steps", json_integer(t->setting.steps));
  json_object_set_new(json, "error_measure", json_string(error_name(t)));
  json_object_set_new(json, "candidates", candidates(t));
  json_object_set_new(json, "chosen", record_text(t->candidate[t->chosen].name));
  json_object_set_new(json, "wall_seconds", record_number(program_seconds() - t->started));
  tr_status status = record_save(t->program->ctx, json, path);
  json_decref(json);
  return status;
}

tr_status tune_save(tune *t) {
  const char *path;
  tr_ctx *ctx = t->program->ctx;
  TR_TRY(out_dir_stage(ctx, t->dir, "grid.txt", &path));
  TR_TRY(write_grid(t, path));
  TR_TRY(out_dir_stage(ctx, t->dir, "table.md", &path));
  TR_TRY(write_table(t, path));
  TR_TRY(out_dir_stage(ctx, t->dir, "run.json", &path));
  TR_TRY(write_record(t, path));
  TR_TRY(program_check_interrupt(t->program));
  return out_dir_commit(ctx, &t->dir);
}
