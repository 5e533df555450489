/* Which checkpoint to draw from: a file, or a published one by its name. */
#include "experiments/fetch/fetch.h"
#include "experiments/sample/run.h"

/* With --ckpt, which tells its network and the size of its states, they would have nothing to say. */
static tr_status check_given(const sample_run *run) {
  tr_ctx *ctx = run->program->ctx;
  const bool named = run->options->model.name != NULL;
  if (named && run->options->model.ckpt)
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--model beside --ckpt is no option of '%s sample': the checkpoint tells its network, leave "
        "one of the two away",
        TR_PROGRAM);
  if (!named && run->options->image_size != TR_OPTION_UNSET)
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--image-size without --model is no option of '%s sample': the checkpoint tells the size of "
        "its states, leave it away",
        TR_PROGRAM);
  if (named || run->options->model.ckpt) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_ARG,
      "--ckpt is missing: give --ckpt FILE, or --model NAME for published weights ('%s fetch --list')",
      TR_PROGRAM);
}

tr_status sample_find_weights(sample_run *run) {
  sample_options *o = run->options;
  TR_TRY(check_given(run));
  if (!o->model.name) return TR_OK;
  TR_TRY(fetch_model(run->program, o->model.name, o->image_size == TR_OPTION_UNSET ? 0 : o->image_size,
                     &run->fetched));
  o->model.ckpt = run->fetched;
  return TR_OK;
}
