/* likelihood.npz, run.json and the histogram of bits per dimension. */
#include <math.h>
#include <stdlib.h>

#include "core/io/file.h"
#include "core/text.h"
#include "experiments/common/density_options.h"
#include "experiments/likelihood/run.h"
#include "experiments/output/gnuplot.h"
#include "experiments/output/npz_put.h"
#include "experiments/output/run_record.h"

static tr_status add_arrays(const likelihood_run *run, tr_npz_out *npz) {
  static const char *const names[LIKELIHOOD_FIELDS] = {"score", "denoiser", "velocity"};
  const likelihood_result *r = &run->result;
  tr_ctx *ctx = run->program->ctx;
  const int64_t n = run->data.n, one = 1;
  const int32_t dequantisation = run->dequant; /* the codes of the help */
  int64_t shape[TR_MAX_DIMS];
  const int ndim = provider_shape(&run->provider, n, shape);
  TR_TRY(npz_put(ctx, npz, "logp", TR_F64, 1, &n, r->logp));
  TR_TRY(npz_put(ctx, npz, "logp_se", TR_F64, 1, &n, r->logp_se));
  TR_TRY(npz_put(ctx, npz, "bpd", TR_F64, 1, &n, r->bpd));
  TR_TRY(npz_put(ctx, npz, "bpd_offset", TR_F64, 1, &one, &run->offset));
  TR_TRY(npz_put(ctx, npz, "dequantisation", TR_I32, 1, &one, &dequantisation));
  TR_TRY(npz_put(ctx, npz, "latent", TR_F64, ndim, shape, r->latent));
  if (run->labels) TR_TRY(npz_put(ctx, npz, "labels", TR_I32, 1, &n, run->labels));
  for (int q = 0; q < LIKELIHOOD_FIELDS && r->field[q]; q++)
    TR_TRY(npz_put(ctx, npz, names[q], TR_F64, ndim, shape, r->field[q]));
  return r->field[0] ? npz_put(ctx, npz, "field_time", TR_F64, 1, &one, &r->field_time) : TR_OK;
}

static tr_status save_npz(likelihood_run *run) {
  const char *path;
  tr_npz_out *npz;
  TR_TRY(out_dir_stage(run->program->ctx, run->dir, "likelihood.npz", &path));
  TR_TRY(tr_npz_create(run->program->ctx, path, &npz));
  tr_status status = add_arrays(run, npz);
  if (status == TR_OK) return tr_npz_commit(&npz);
  tr_npz_discard(&npz);
  return status;
}

/* ---- the record ---- */

static json_t *failures(const likelihood_run *run) {
  json_t *list = json_array();
  char name[300];
  for (int64_t i = 0; i < run->data.n; i++)
    if (run->data.trouble[i])
      json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "input", (json_int_t)i, "name",
                                            record_text(tr_dataset_name(&run->data, i, name, sizeof name)),
                                            "reason", record_text(run->data.trouble[i])));
  return list;
}

/* A draw of a dequantisation errs by its own spread too, which one of them does not show. */
void likelihood_se_is(const likelihood_run *run, char *text, size_t size) {
  const long K = run->options->dequant_samples;
  if (run->dequant == TR_DEQUANT_NONE)
    snprintf(text, size, "%s", density_se_is(&run->density));
  else if (K == 1)
    snprintf(text, size, "none: one draw of the dequantisation shows no spread");
  else
    snprintf(text, size,
             "the jackknife error of the bound over %ld draws of the dequantisation%s; the solver's error is "
             "not in it",
             K, run->density.trace->sampled ? ", whose spread holds that of the probes" : "");
}

double likelihood_se_factor(const likelihood_run *run) {
  return run->dequant == TR_DEQUANT_NONE ? density_se_factor(&run->density)
                                         : stat_student95((int)run->options->dequant_samples - 1);
}

static void add_answers(const likelihood_run *run, json_t *json) {
  const likelihood_result *r = &run->result;
  char se_is[256];
  likelihood_se_is(run, se_is, sizeof se_is);
  json_object_set_new(json, "inputs", json_integer((json_int_t)run->data.n));
  json_object_set_new(json, "failed", failures(run));
  json_object_set_new(json, "logp_nats", record_average(likelihood_average(run, r->logp)));
  json_object_set_new(json, "logp_se_is", json_string(se_is));
  json_object_set_new(json, "logp_se_student95", record_number(likelihood_se_factor(run)));
  json_object_set_new(json, "bits_per_dimension", record_average(likelihood_average(run, r->bpd)));
  json_object_set_new(json, "bits_per_dimension_formula",
                      json_string("-logp / (n ln 2) + offset, n the numbers of one input"));
  json_object_set_new(json, "bits_per_dimension_offset", record_number(run->offset));
  json_object_set_new(json, "bits_per_dimension_offset_is",
                      json_string(run->data.pixels ? "log2 127.5: levels u stand at u / 127.5 - 1"
                                                   : "0: the space of the numbers given"));
  json_object_set_new(json, "dequantisation", json_string(run->dequantisation));
  json_object_set_new(json, "labels", json_string(run->labels_from));
  if (r->field[0]) json_object_set_new(json, "field_time", record_number(r->field_time));
  if (!run->options->check) return;
  json_object_set_new(json, "check",
                      json_pack("{s:o, s:o}", "largest_difference_of_logp_nats", record_number(r->check_logp),
                                "largest_difference_of_data", record_number(r->check_data)));
}

static json_t *work_to_json(likelihood_work work) {
  return json_pack("{s:I, s:I}", "nfe", (json_int_t)work.nfe, "n_vjp", (json_int_t)work.n_vjp);
}

static void add_statistics(const likelihood_run *run, json_t *json) {
  static const char *const parts[LIKELIHOOD_PARTS] = {"solves", "check", "save_score", "failed_batches"};
  const tr_sample_stats *s = &run->account.largest;
  const likelihood_work all = likelihood_work_done(run);
  json_t *work = json_object();
  bool adaptive = run->sampler.ode.method->caps & TR_ODE_ADAPTIVE;
  record_work(json, s, all.nfe);
  record_backwards(json, s, all.n_vjp, tr_net_recomputed(run->provider.net));
  for (int p = 0; p < LIKELIHOOD_PARTS; p++)
    json_object_set_new(work, parts[p], work_to_json(run->account.part[p]));
  json_object_set_new(json, "work", work);
  json_object_set_new(json, "t_data", record_number(s->t0));
  json_object_set_new(json, "t_noise", record_number(s->t1));
  json_object_set_new(json, "clock", json_string(tr_clock_name(s->clock)));
  json_object_set_new(json, "rtol_used", adaptive ? record_number(s->ode.rtol_used) : json_null());
  json_object_set_new(json, "atol_used", adaptive ? record_number(s->ode.atol_used) : json_null());
  json_object_set(json, "batches", run->batches);
}

static tr_status save_record(likelihood_run *run) {
  tr_ctx *ctx = run->program->ctx;
  const char *path;
  TR_TRY(file_hash_finish(ctx, &run->hash));
  TR_TRY(out_dir_stage(ctx, run->dir, "run.json", &path));
  json_t *json = record_create(run->program, &likelihood_table, run->parsed, run->options);
  json_object_set_new(json, "checkpoint",
                      record_checkpoint(run->provider.model, run->options->model.ckpt, &run->hash));
  add_answers(run, json);
  add_statistics(run, json);
  record_memory(json, ctx);
  record_files(json, run->grid_list, run->sampler.grid.n_list, NULL);
  json_object_set_new(json, "wall_seconds", record_number(program_seconds() - run->started));
  json_object_set_new(json, "likelihood_seconds", record_number(run->seconds));
  tr_status status = record_save(ctx, json, path);
  json_decref(json);
  return status;
}

/* ---- the histogram ---- */

typedef struct {
  int bins;
  double low, width;
  long count[64];
  long most; /* of the counts */
} histogram;

static histogram count_values(const likelihood_run *run) {
  const double *bpd = run->result.bpd;
  double low = INFINITY, high = -INFINITY, kept = (double)(run->data.n - run->n_failed);
  for (int64_t i = 0; i < run->data.n; i++)
    if (isfinite(bpd[i])) low = fmin(low, bpd[i]), high = fmax(high, bpd[i]);
  histogram h = {.bins = (int)fmin(60, fmax(5, ceil(2 * cbrt(kept)))), .low = low}; /* Rice's rule */
  if (high > low)
    h.width = (high - low) / h.bins;
  else
    h.bins = 1, h.width = 0.1, h.low = low - h.width / 2; /* one value, in the middle */
  for (int64_t i = 0; i < run->data.n; i++)
    if (isfinite(bpd[i])) h.count[(int)fmin(h.bins - 1, floor((bpd[i] - h.low) / h.width))]++;
  for (int i = 0; i < h.bins; i++)
    if (h.count[i] > h.most) h.most = h.count[i];
  return h;
}

static tr_status write_data(const likelihood_run *run, const char *path) {
  tr_out_file *file;
  histogram h = count_values(run);
  TR_TRY(tr_out_file_open(run->program->ctx, path, &file));
  FILE *out = tr_out_file_stream(file);
  fprintf(out, "# bits per dimension (middle of the bin), inputs; offset %.10g, dequantisation %s\n",
          run->offset, run->dequantisation);
  for (int i = 0; i < h.bins; i++) fprintf(out, "%.8g %ld\n", h.low + (i + 0.5) * h.width, h.count[i]);
  return tr_out_file_commit(run->program->ctx, &file);
}

static tr_status write_script(const likelihood_run *run, const char *path) {
  tr_out_file *file;
  stat_average mean = likelihood_average(run, run->result.bpd);
  const histogram h = count_values(run);
  char title[600];
  snprintf(title, sizeof title, "%s under %s: mean %.4f bits/dim", TR_SHOW(run->options->data, 250),
           TR_SHOW(run->options->model.ckpt, 250), mean.mean);
  TR_TRY(tr_out_file_open(run->program->ctx, path, &file));
  FILE *out = tr_out_file_stream(file);
  gnuplot_begin(out, "histogram", 640, title);
  fprintf(out,
          "set xlabel \"bits per dimension\"\nset ylabel \"inputs\"\nset style fill solid 0.7\nset boxwidth "
          "%.8g\n"
          "set xrange [%.8g:%.8g]\nset yrange [0:%.8g]\n%s"
          "unset key\nplot data using 1:2 with boxes linecolor rgb \"#0072b2\"\n",
          h.width, h.low - h.width, h.low + (h.bins + 1) * h.width, 1.08 * (double)h.most,
          h.most < 10 ? "set ytics 1\n" : "");
  return tr_out_file_commit(run->program->ctx, &file);
}

static tr_status save_histogram(likelihood_run *run) {
  const char *path;
  TR_TRY(out_dir_stage(run->program->ctx, run->dir, "histogram.dat", &path));
  TR_TRY(write_data(run, path));
  TR_TRY(out_dir_stage(run->program->ctx, run->dir, "histogram.gp", &path));
  TR_TRY(write_script(run, path));
  return out_dir_stale(run->program->ctx, run->dir, "histogram.png");
}

tr_status likelihood_save(likelihood_run *run) {
  TR_TRY(save_npz(run));
  TR_TRY(save_histogram(run));
  TR_TRY(save_record(run));
  TR_TRY(program_check_interrupt(run->program));
  return out_dir_commit(run->program->ctx, &run->dir);
}
