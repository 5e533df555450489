#include "experiments/sample/gif/gif.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/image/gif.h"
#include "experiments/output/machine.h"
#include "transport/path/interval.h"
#include "transport/prediction/prediction.h"

#define SECONDS      0.06 /* of a frame */
#define LAST_SECONDS 1.5
#define SAME_TIME    1e-12 /* outputs closer than this are one */

/* ---- times ---- */

/* The interval of the run, and where its last step ends. */
static tr_status interval_of(tr_ctx *ctx, const tr_sampler *s, bool sde, tr_quantity kind, double *from,
                             double *to, double *end) {
  const bool steps = sde && s->sde.method && !s->last.type->identity && s->last_size > 0;
  TR_TRY(sde ? tr_interval_sde(ctx, &s->interpolant, kind, s->sample_eps, steps ? s->last_size : 0, from, to)
             : tr_interval_ode(ctx, &s->interpolant, kind, s->sample_eps, s->data_eps, s->reverse, from, to));
  *end = steps ? *to + s->last_size : *to;
  return TR_OK;
}

/* Evenly in t, the last one at the end of the last step. */
static void fill_times(sample_gif *gif, double from, double to, double end) {
  const int even = gif->n_frames - (end != to);
  for (int k = 0; k < even; k++)
    gif->times[k] = k == even - 1 && even > 1 ? to : from + (to - from) * k / (even > 1 ? even - 1 : 1);
  if (end != to) gif->times[even] = end;
}

/* Frames and save times in the order of the run; what is wrong with save times the sampler will say. */
static void merge_times(sample_gif *gif, const double *save, int n_save, bool down) {
  int f = 0, s = 0, n = 0;
  while (f < gif->n_frames || s < n_save) {
    const double of_frame = f < gif->n_frames ? gif->times[f] : NAN, of_save = s < n_save ? save[s] : NAN;
    const bool same = fabs(of_frame - of_save) <= SAME_TIME;
    const bool frame = same || isnan(of_save) || (down ? of_frame > of_save : of_frame < of_save);
    gif->outputs[n] = same || !frame ? of_save : of_frame;
    gif->frame_of[n] = frame ? f++ : -1;
    gif->save_of[n++] = same || !frame ? s++ : -1;
  }
  gif->n_outputs = n;
}

static tr_status check_predictions(tr_ctx *ctx, const sample_gif *gif, const tr_sampler *s,
                                   tr_quantity kind) {
  const tr_prediction_type *prediction;
  tr_affine unused;
  TR_TRY(tr_prediction_of(ctx, kind, &prediction));
  for (int k = 0; k < gif->n_frames; k++)
    TR_TRY(tr_convert(ctx, &s->interpolant, prediction, TR_DENOISER, gif->times[k], &unused));
  return TR_OK;
}

/* ---- memory ---- */

static size_t frame_bytes(const sample_gif *gif, int64_t samples) {
  return (size_t)(samples * gif->pictures->height * gif->pictures->width) * 3;
}

static tr_status allocate(tr_ctx *ctx, sample_gif *gif, int n_save) {
  const size_t frames = (size_t)gif->n_frames, outputs = frames + (size_t)n_save;
  gif->times = calloc(frames, sizeof *gif->times);
  gif->outputs = calloc(outputs, sizeof *gif->outputs);
  gif->frame_of = calloc(outputs, sizeof *gif->frame_of);
  gif->save_of = calloc(outputs, sizeof *gif->save_of);
  gif->kept = calloc(frames, sizeof *gif->kept);
  gif->levels = malloc(frames * frame_bytes(gif, gif->shown));
  if (gif->times && gif->outputs && gif->frame_of && gif->save_of && gif->kept && gif->levels) return TR_OK;
  return machine_lacks_memory(ctx, (double)frames * (double)frame_bytes(gif, gif->shown), gif->shown,
                              "frames of samples", "gif-frames, or --gif-samples");
}

static void drop_kept(sample_gif *gif) {
  for (int k = 0; gif->kept && k < gif->n_frames; k++) tr_array_destroy(&gif->kept[k]);
}

void gif_free(sample_gif *gif) {
  drop_kept(gif);
  free(gif->times);
  free(gif->outputs);
  free(gif->frame_of);
  free(gif->save_of);
  free(gif->kept);
  free(gif->levels);
  *gif = (sample_gif){0};
}

/* ---- before the run ---- */

tr_status gif_setup(program *p, const sample_options *o, bool sde, int64_t samples, const provider *provider,
                    const pictures *shown, tr_sampler *s, sample_gif *gif) {
  double from, to, end;
  *gif = (sample_gif){0};
  if (!o->gif) return TR_OK;
  if (!pictures_any(shown))
    return TR_FAIL(
        p->ctx, TR_E_ARG,
        "--gif needs pictures: the states of this model are none (of latents an autoencoder makes them, "
        "--vae)");
  gif->pictures = shown;
  gif->n_frames = gif->n_reached = (int)o->gif_frames;
  gif->shown = o->gif_samples < samples ? o->gif_samples : samples;
  gif->denoised = strcmp(o->gif_of, "denoised") == 0;
  TR_TRY(allocate(p->ctx, gif, s->n_save));
  const tr_quantity kind = provider_kind(provider);
  TR_TRY(interval_of(p->ctx, s, sde, kind, &from, &to, &end));
  fill_times(gif, from, to, end);
  if (gif->denoised) TR_TRY(check_predictions(p->ctx, gif, s, kind));
  merge_times(gif, s->save_times, s->n_save, end < from);
  s->save_times = gif->outputs;
  s->n_save = gif->n_outputs;
  return TR_OK;
}

/* ---- the run ---- */

int gif_save_of(const sample_gif *gif, int output) {
  return gif->shown ? gif->save_of[output] : output;
}

static uint8_t *levels_at(const sample_gif *gif, int frame, int64_t first) {
  return gif->levels + (size_t)frame * frame_bytes(gif, gif->shown) + frame_bytes(gif, first);
}

static tr_status keep(const tr_array *rows, tr_array **kept) {
  if (*kept && !tr_array_same_shape(*kept, rows)) tr_array_destroy(kept);
  if (!*kept) TR_TRY(tr_array_like(rows, kept));
  return tr_array_copy(rows, *kept);
}

tr_status gif_take(sample_gif *gif, int output, int64_t first, const tr_array *x, int *n_frames) {
  const int frame = gif->shown ? gif->frame_of[output] : -1;
  const int64_t left = gif->shown - first, n = left < x->shape[0] ? left : x->shape[0];
  if (frame < 0) return TR_OK;
  *n_frames = frame + 1;
  if (n <= 0) return TR_OK;
  const tr_array rows = tr_rows(x, 0, n);
  return gif->denoised ? keep(&rows, &gif->kept[frame])
                       : gif->pictures->make(gif->pictures, &rows, levels_at(gif, frame, first));
}

static tr_status draw_frames(sample_gif *gif, const tr_sampler *s, int64_t first, int n_frames,
                             const int32_t *labels) {
  tr_array *denoised;
  const tr_cond cond = provider_cond(labels, first, gif->kept[0]->shape[0]);
  tr_status status = tr_array_like(gif->kept[0], &denoised);
  for (int k = 0; status == TR_OK && k < n_frames; k++) {
    const tr_times at = {1, &gif->times[k]};
    status = tr_field_eval(&s->interpolant, s->drift, TR_DENOISER, at, gif->kept[k], &cond, denoised);
    if (status == TR_OK) status = gif->pictures->make(gif->pictures, denoised, levels_at(gif, k, first));
  }
  tr_array_destroy(&denoised);
  return status;
}

tr_status gif_denoise(sample_gif *gif, const tr_sampler *s, int64_t first, int n_frames,
                      const int32_t *labels) {
  if (!gif->denoised || first >= gif->shown || n_frames == 0) return TR_OK;
  const long forwards = s->drift->n_forward;
  const tr_status status = draw_frames(gif, s, first, n_frames, labels);
  gif->nfe += s->drift->n_forward - forwards;
  drop_kept(gif);
  return status;
}

void gif_account(sample_gif *gif, int64_t first, int n_frames) {
  if (first < gif->shown && n_frames < gif->n_reached) gif->n_reached = n_frames;
}

tr_status gif_share(sample_gif *gif, tr_comm *comm, int rank, int64_t first, int64_t n) {
  const int64_t left = gif->shown - first, shown = left < n ? left : n;
  for (int k = 0; shown > 0 && k < gif->n_frames; k++)
    TR_TRY(tr_comm_broadcast_bytes(comm, rank, levels_at(gif, k, first), frame_bytes(gif, shown)));
  return TR_OK;
}

/* ---- results ---- */

tr_status gif_save(tr_ctx *ctx, const sample_gif *gif, out_dir *dir) {
  static const tr_gif_timing timing = {SECONDS, LAST_SECONDS};
  const char *path;
  if (!gif->shown || gif->n_reached == 0) return out_dir_stale(ctx, dir, "samples.gif");
  TR_TRY(out_dir_stage(ctx, dir, "samples.gif", &path));
  return tr_gif_grid(ctx, path, NULL, &timing, gif->n_reached, gif->shown, gif->pictures->height,
                     gif->pictures->width, 3, gif->levels);
}

json_t *gif_record(const sample_gif *gif) {
  json_t *times = json_array();
  for (int k = 0; k < gif->n_reached; k++) json_array_append_new(times, json_real(gif->times[k]));
  return json_pack("{s:i, s:I, s:s, s:o, s:I}", "frames", gif->n_reached, "samples", (json_int_t)gif->shown,
                   "of", gif->denoised ? "denoised" : "state", "times", times, "nfe_all_batches",
                   (json_int_t)gif->nfe);
}
