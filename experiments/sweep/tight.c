#include "experiments/sweep/tight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/sha256.h"
#include "core/text.h"
#include "experiments/common/advice.h"
#include "experiments/output/npz_put.h"
#include "experiments/output/run_record.h"
#include "experiments/sweep/manifest.h"
#include "transport/sampler/sampler.h"

static const advice_reader of_tight = {&sweep_table, 0, "tight-rtol"};

static tr_ctx *context(const sweep_tight *tight) {
  return tight->target->program->ctx;
}

/* ---- what they depend on ---- */

/* Takes the reference. */
static tr_status hash_of(tr_ctx *ctx, json_t *what, char hex[TR_SHA256_TEXT]) {
  char *text = json_dumps(what, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
  json_decref(what);
  if (!text) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the names of tight solves");
  const tr_file_map map = {.data = (const unsigned char *)text, .size = strlen(text)};
  tr_status status = tr_sha256_map(ctx, &map, hex);
  free(text);
  return status;
}

static json_t *of_labels(const sweep_target *t) {
  json_t *list = json_array();
  for (int64_t i = 0; t->labels && i < t->n; i++) json_array_append_new(list, json_integer(t->labels[i]));
  return list;
}

static json_t *of_guidance(const guidance_options *g) {
  return json_pack("{s:f, s:s, s:o}", "scale", g->scale, "channels", g->channels, "interval",
                   record_numbers(g->interval.v, g->interval.n));
}

static json_t *of_path(const tr_interpolant *path) {
  return path ? json_pack("{s:s, s:o}", "name", path->type->info.name, "parameters",
                          record_params(&path->type->info, &path->values))
              : json_null();
}

/* What all of them depend on but the path sampled along and the starts. */
static tr_status hash_base(sweep_target *t, char hex[TR_SHA256_TEXT]) {
  const sweep_options *o = t->options;
  json_t *target;
  TR_TRY(sweep_target_record(t, &target));
  json_object_del(target, "file");
  json_object_del(json_object_get(target, "guide"), "file");
  return hash_of(t->program->ctx,
                 json_pack("{s:o, s:s, s:o, s:o, s:o, s:I, s:s, s:f, s:s, s:s}", "target", target,
                           "prediction", o->model.prediction, "own_path", of_path(sweep_target_path(t)),
                           "labels", of_labels(t), "guidance", of_guidance(&o->guidance), "samples",
                           (json_int_t)t->n, "dtype", o->machine.dtype, "tolerance", o->tight_rtol, "device",
                           tr_ctx_resource(t->program->ctx), "version", program_version()),
                 hex);
}

sweep_tight sweep_tight_here(sweep_target *target, progress *progress) {
  return (sweep_tight){.target = target, .progress = progress};
}

tr_status sweep_tight_open(sweep_target *target, progress *progress, sweep_tight *out) {
  *out = sweep_tight_here(target, progress);
  return hash_base(target, out->base);
}

static tr_status path_of(const sweep_tight *tight, const sweep_tight_key *key, char path[SWEEP_PATH_MAX]) {
  char hex[TR_SHA256_TEXT], start[48], name[192];
  if (key->seed >= 0)
    snprintf(start, sizeof start, "seed-%ld", key->seed);
  else
    snprintf(start, sizeof start, "set-%d", key->set);
  TR_TRY(hash_of(
      context(tight),
      json_pack("{s:s, s:o, s:s}", "base", tight->base, "path", of_path(key->path), "start", start), hex));
  snprintf(name, sizeof name, "tight-%.64s-%s-%.12s.npz", key->path->type->info.name, start, hex);
  return sweep_file(context(tight), tight->target->options, name, path, SWEEP_PATH_MAX);
}

/* ---- the folder ---- */

bool sweep_tight_has(const sweep_tight *tight, const sweep_tight_key *key) {
  char path[SWEEP_PATH_MAX];
  return *tight->base && path_of(tight, key, path) == TR_OK && access(path, R_OK) == 0;
}

static tr_status read_state(const sweep_tight *tight, tr_npz *npz, double *state) {
  tr_npy npy;
  TR_TRY(tr_npz_get(npz, "state", &npy));
  bool fits = npy.dtype == TR_F64 && npy.ndim == 2 && npy.shape[0] == tight->target->n &&
              npy.shape[1] == tight->target->row;
  if (fits) tr_npy_get_f64(&npy, state);
  tr_npy_close(&npy);
  return fits ? TR_OK : TR_FAIL(context(tight), TR_E_IO, "its state has another shape");
}

tr_status sweep_tight_load(sweep_tight *tight, const sweep_tight_key *key, double *state, bool *found) {
  tr_ctx *ctx = context(tight);
  char path[SWEEP_PATH_MAX];
  tr_npz *npz = NULL;
  *found = false;
  if (!sweep_tight_has(tight, key)) return TR_OK;
  TR_TRY(path_of(tight, key, path));
  tr_status status = tr_npz_open(ctx, path, &npz);
  if (status == TR_OK) status = read_state(tight, npz, state);
  tr_npz_close(&npz);
  *found = status == TR_OK;
  tight->loaded += *found;
  if (status == TR_OK || status == TR_E_MEM) return status;
  char reason[256];
  snprintf(reason, sizeof reason, "%s", TR_SHOW(tr_ctx_error(ctx)->message, 255));
  tr_ctx_clear(ctx);
  program_say(tight->target->program, "warning: '%s' is damaged and is made again: %s", TR_SHOW(path, 200),
              reason);
  return TR_OK;
}

static tr_status write_state(const sweep_tight *tight, const char *path, const double *state) {
  const int64_t shape[] = {tight->target->n, tight->target->row};
  tr_npz_out *npz;
  TR_TRY(tr_npz_create(context(tight), path, &npz));
  tr_status status = npz_put(context(tight), npz, "state", TR_F64, 2, shape, state);
  if (status == TR_OK) return tr_npz_commit(&npz);
  tr_npz_discard(&npz);
  return status;
}

static tr_status keep(const sweep_tight *tight, const sweep_tight_key *key, const double *state) {
  char path[SWEEP_PATH_MAX];
  sigset_t before;
  if (!*tight->base) return TR_OK;
  TR_TRY(path_of(tight, key, path));
  program_hold_signals(&before);
  tr_status status = write_state(tight, path, state);
  program_release_signals(&before);
  return status;
}

/* ---- solving ---- */

tr_status sweep_tight_solve(sweep_tight *tight, const sweep_tight_key *key, tr_array *x, double *state) {
  sweep_target *t = tight->target;
  tr_ctx *ctx = context(tight);
  tr_sampler sampler;
  tr_sample_stats stats;
  const tr_module *method;
  TR_TRY(tr_sampler_defaults(ctx, &sampler));
  TR_TRY(tr_find(ctx, TR_KIND_ODE_METHOD, SWEEP_TIGHT_METHOD, &method));
  sampler.interpolant = *key->path;
  sampler.drift = t->tight;
  sampler.sample_eps = 0;
  sampler.ode = (tr_ode_spec){.method = (const tr_ode_method *)method,
                              .rtol = t->options->tight_rtol,
                              .atol = t->options->tight_rtol};
  sampler.on_progress = progress_tick;
  sampler.progress_user = tight->progress;
  tr_cond cond = sweep_target_cond(t, t->n);
  TR_TRY(tr_array_set_f64(x, state));
  TR_TRY(advice_error(ctx, tr_sample_ode(&sampler, &cond, x, &stats), &of_tight));
  TR_TRY(tr_array_get_f64(x, state));
  tight->evaluations = stats.nfe;
  tight->made++;
  return keep(tight, key, state);
}
