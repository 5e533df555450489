/* samples.gif: the way of the first samples, states or what they would become, as an animation. Its frames
 * are output times of the solve, which cost no evaluation and change no sample. */
#ifndef TR_EXPERIMENTS_SAMPLE_GIF_GIF_H
#define TR_EXPERIMENTS_SAMPLE_GIF_GIF_H

#include <jansson.h>

#include "core/comm/comm.h"
#include "experiments/common/program.h"
#include "experiments/input/provider.h"
#include "experiments/output/out_dir.h"
#include "experiments/sample/options.h"
#include "experiments/vae/pictures.h"
#include "transport/sampler/sampler.h"

typedef struct {
  int64_t shown;           /* samples in each frame, the first ones; 0: there is no animation */
  bool denoised;           /* frames of the data prediction instead of the state */
  int n_frames, n_reached; /* n_reached: by every batch with a shown sample */
  double *times;           /* (n_frames) */
  /* The output times of the solve: those of the frames and those of --save-times in one order, and which of
   * each an output is, -1: none. */
  int n_outputs;
  double *outputs;
  int *frame_of, *save_of;
  tr_array **kept; /* (n_frames) states of the batch under way, to be denoised; else NULL */
  const pictures *pictures;
  uint8_t *levels; /* (n_frames, shown, height, width, 3) */
  long nfe;        /* forwards for data predictions */
} sample_gif;

/* The frames of a run whose sampler is settled but for its drift, in place of its save times: the sampler's
 * output becomes `on_output`. Nothing to do without --gif. TR_E_ARG where the states have no pictures, or no
 * data prediction at the time of a frame. gif_free in any case. */
tr_status gif_setup(program *p, const sample_options *options, bool sde, int64_t samples,
                    const provider *provider, const pictures *pictures, tr_sampler *sampler, sample_gif *out);
void gif_free(sample_gif *gif);

/* Which of --save-times an output is; -1: none. Without an animation they are the same. */
int gif_save_of(const sample_gif *gif, int output);
/* The shown rows of x, states of the samples from `first` on, become pictures where the output is a frame, or
 * are kept for it. *n_frames: frames so far. */
tr_status gif_take(sample_gif *gif, int output, int64_t first, const tr_array *x, int *n_frames);
/* At the end of a batch: what was kept of it becomes pictures of the data predictions. */
tr_status gif_denoise(sample_gif *gif, const tr_sampler *sampler, int64_t first, int n_frames,
                      const int32_t *labels);
/* A batch that handed out so many frames, on any rank. */
void gif_account(sample_gif *gif, int64_t first, int n_frames);
/* What rank has drawn of the samples first .. first + n - 1 is then on all. */
tr_status gif_share(sample_gif *gif, tr_comm *comm, int rank, int64_t first, int64_t n);

/* Stages samples.gif; without an animation an old one is marked to go. */
tr_status gif_save(tr_ctx *ctx, const sample_gif *gif, out_dir *dir);
/* {frames, samples, of, times, nfe_all_batches} */
json_t *gif_record(const sample_gif *gif);

#endif
