#include "experiments/sweep/target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/common/machine_options.h"
#include "experiments/input/class_labels.h"
#include "experiments/input/net_params.h"
#include "experiments/output/run_record.h"
#include "transport/transfer.h"

/* Names of the options that only a checkpoint reads. */
static tr_status check_choice(program *p, const sweep_options *o) {
  if (!o->target == !o->model.ckpt)
    return TR_FAIL(p->ctx, TR_E_ARG, "%s: give either --target NAME or --ckpt FILE",
                   o->target ? "two targets" : "no target");
  if (o->model.ckpt && o->path_types.n > 1)
    return TR_FAIL(p->ctx, TR_E_ARG, "--path-types has %d paths: a checkpoint was trained on one",
                   o->path_types.n);
  if (o->model.ckpt) return TR_OK;
  if (o->sample_path_params.n)
    return TR_FAIL(p->ctx, TR_E_ARG,
                   "--sample-path-param is for --ckpt: an exact target has its field on every path, use "
                   "--path-types and --path-param");
  if (o->sample_paths.n)
    return TR_FAIL(p->ctx, TR_E_ARG,
                   "--sample-paths are for --ckpt: an exact target has its field on every path, use "
                   "--path-types");
  if (o->model.weights || net_params_given(&o->model) || !class_labels_unset(&o->class_labels) ||
      o->guidance.scale != 1 || o->guidance.interval.n || strcmp(o->guidance.channels, "all") != 0)
    return TR_FAIL(p->ctx, TR_E_ARG,
                   "--weights, --num-heads, --net-param, --class-labels and --cfg-... are for --ckpt: an "
                   "exact target has "
                   "no classes");
  if (guide_option_given(&o->guidance))
    return TR_FAIL(p->ctx, TR_E_ARG, "--guide-... are for --ckpt: an exact target has no guide");
  return TR_OK;
}

static tr_status open_mixture(sweep_options *o, sweep_target *t) {
  program *p = t->program;
  TR_TRY(machine_open(p, &o->machine, 0, &t->dtype));
  TR_TRY(mixture_of(p->ctx, o->target, &t->mixture));
  if (!o->model.prediction) o->model.prediction = "velocity";
  if (o->num_samples == TR_OPTION_UNSET) o->num_samples = 256;
  t->row = t->mixture.d;
  t->mean = malloc((size_t)(t->row + t->row * t->row) * sizeof *t->mean);
  if (!t->mean)
    return TR_FAIL(p->ctx, TR_E_MEM, "out of memory for a covariance of %lld dimensions", (long long)t->row);
  t->cov = t->mean + t->row;
  mixture_moments(&t->mixture, t->mean, t->cov);
  return TR_OK;
}

static tr_status open_checkpoint(sweep_options *o, sweep_target *t) {
  program *p = t->program;
  if (o->path_types.n) o->model.path_type = o->path_types.v[0];
  TR_TRY(provider_load(p, &o->model, &o->machine, 0, &t->provider));
  TR_TRY(provider_load_guide(p, &o->guidance, &t->provider));
  t->dtype = t->provider.dtype;
  TR_TRY(file_hash_start(p->ctx, o->model.ckpt, &t->hash));
  if (o->num_samples == TR_OPTION_UNSET)
    o->num_samples = class_labels_count(provider_info(&t->provider), &o->class_labels, 10);
  t->row = provider_row(&t->provider);
  return class_labels_make(p->ctx, provider_info(&t->provider), &o->class_labels, o->num_samples, &t->labels);
}

tr_status sweep_target_open(program *p, sweep_options *o, sweep_target *out) {
  *out = (sweep_target){.program = p, .options = o, .exact = o->target != NULL};
  TR_TRY(check_choice(p, o));
  TR_TRY(out->exact ? open_mixture(o, out) : open_checkpoint(o, out));
  out->n = o->num_samples;
  return TR_OK;
}

static void leave(sweep_target *t) {
  if (t->owned) {
    tr_drift_destroy(&t->drift);
    tr_drift_destroy(&t->tight);
  }
  t->drift = t->tight = NULL;
  t->owned = false;
}

void sweep_target_close(sweep_target *t) {
  leave(t);
  file_hash_discard(&t->hash);
  provider_drop(&t->wide);
  provider_close(&t->provider);
  mixture_free(&t->mixture);
  free(t->mean);
  free(t->labels);
}

const tr_interpolant *sweep_target_path(const sweep_target *t) {
  return t->exact ? NULL : &t->provider.interpolant;
}

tr_status sweep_target_build(sweep_target *t) {
  if (t->exact) return TR_OK;
  TR_TRY(provider_build(t->program, &t->options->guidance, &t->provider));
  if (t->dtype == TR_F64) return TR_OK;
  t->wide = provider_in(&t->provider, TR_F64);
  return provider_build(t->program, &t->options->guidance, &t->wide);
}

static tr_status enter_checkpoint(sweep_target *t, const tr_interpolant *path) {
  const tr_interpolant *own = &t->provider.interpolant;
  tr_drift *drift = t->provider.drift, *tight = t->dtype == TR_F64 ? drift : t->wide.drift;
  if (tr_interpolant_same(path, own)) {
    t->drift = drift;
    t->tight = tight;
    return TR_OK;
  }
  t->owned = true;
  TR_TRY(tr_drift_create_transferred(drift, own, path, &t->drift));
  return tr_drift_create_transferred(tight, own, path, &t->tight);
}

static tr_status enter_mixture(sweep_target *t, const tr_interpolant *path) {
  const tr_prediction_type *prediction;
  tr_ctx *ctx = t->program->ctx;
  t->owned = true;
  TR_TRY(tr_prediction_find(ctx, t->options->model.prediction, &prediction));
  TR_TRY(mixture_drift(ctx, &t->mixture, path, prediction->tag, &t->drift));
  return mixture_drift(ctx, &t->mixture, path, TR_VELOCITY, &t->tight);
}

tr_status sweep_target_enter(sweep_target *t, const tr_interpolant *path) {
  leave(t);
  return t->exact ? enter_mixture(t, path) : enter_checkpoint(t, path);
}

tr_status sweep_target_state(const sweep_target *t, tr_dtype dtype, int64_t n_rows, tr_array **out) {
  int64_t shape[TR_MAX_DIMS] = {n_rows, t->row};
  int ndim = t->exact ? 2 : provider_shape(&t->provider, n_rows, shape);
  return tr_array_create(t->program->ctx, dtype, ndim, shape, out);
}

tr_cond sweep_target_cond(const sweep_target *t, int64_t n_rows) {
  return provider_cond(t->labels, 0, n_rows);
}

static json_t *matrix(const double *v, int64_t n) {
  json_t *rows = json_array();
  for (int64_t i = 0; i < n; i++) json_array_append_new(rows, record_numbers(v + i * n, n));
  return rows;
}

json_t *sweep_mixture_record(const mixture *m) {
  json_t *json = json_object(), *means = json_array(), *variances = json_array();
  for (int64_t k = 0, d = m->d; k < m->K; k++) {
    json_array_append_new(means, record_numbers(m->means + k * d, d));
    json_array_append_new(variances,
                          m->covs ? matrix(m->covs + k * d * d, d) : record_numbers(m->variances + k * d, d));
  }
  json_object_set_new(json, "weights", record_numbers(m->weights, m->K));
  json_object_set_new(json, "means", means);
  json_object_set_new(json, "variances", variances);
  return json;
}

tr_status sweep_target_record(sweep_target *t, json_t **out) {
  guide *g = &t->provider.guide;
  if (t->exact) {
    *out = sweep_mixture_record(&t->mixture);
    return TR_OK;
  }
  TR_TRY(file_hash_finish(t->program->ctx, &t->hash));
  if (g->model) TR_TRY(file_hash_finish(t->program->ctx, &g->hash));
  *out = record_checkpoint(t->provider.model, t->options->model.ckpt, &t->hash);
  if (g->model) json_object_set_new(*out, "guide", guide_record(g));
  return TR_OK;
}
