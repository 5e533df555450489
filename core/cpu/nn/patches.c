/* Latents to tokens and back, on the CPU. */
#include <string.h>

#include "core/cpu/cpu.h"

/* Where patches meet latents: token t of a sample covers rows t / wide * p + i and columns t % wide * p + j.
 */
typedef struct {
  int64_t channels, height, width, patch, wide, tokens;
} patch_grid;

static patch_grid grid_of(const tr_array *latents, int patch) {
  patch_grid g = {.channels = latents->shape[1],
                  .height = latents->shape[2],
                  .width = latents->shape[3],
                  .patch = patch,
                  .wide = latents->shape[3] / patch};
  g.tokens = g.height / patch * g.wide;
  return g;
}

/* Offset of the patch row (channel c, row i) of token t of sample n in the latents. */
static int64_t latent_offset(const patch_grid *g, int64_t n, int64_t t, int64_t c, int64_t i) {
  int64_t top = t / g->wide * g->patch + i, left = t % g->wide * g->patch;
  return ((n * g->channels + c) * g->height + top) * g->width + left;
}

/* From latents to tokens, or back: every latent lies in one patch. */
static tr_status move_patches(tr_ctx *ctx, const tr_array *latents, int patch, const tr_array *tokens,
                              bool back) {
  const patch_grid g = grid_of(latents, patch);
  int64_t size = (int64_t)tr_dtype_size(latents->dtype), run = patch * size;
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, latents->count)) schedule(static)
  for (int64_t r = 0; r < tokens->shape[0]; r++) {
    char *token = tr_cpu_row(tokens, r, 0);
    for (int64_t c = 0; c < g.channels; c++)
      for (int64_t i = 0; i < patch; i++, token += run) {
        char *latent = (char *)latents->data + latent_offset(&g, r / g.tokens, r % g.tokens, c, i) * size;
        memcpy(back ? latent : token, back ? token : latent, (size_t)run);
      }
  }
  return TR_OK;
}

tr_status tr_cpu_patchify(tr_ctx *ctx, const tr_nn_patchify_args *a) {
  return move_patches(ctx, a->latents, a->patch, a->tokens, false);
}

tr_status tr_cpu_patchify_adjoint(tr_ctx *ctx, const tr_nn_patchify_adjoint_args *a) {
  return move_patches(ctx, a->latents, a->patch, a->tokens, true);
}

/* Tokens of elements (i, j, channel), maybe of more channels than the latents, which are dropped; on the way
 * back what was dropped becomes 0. */
static tr_status move_joined(tr_ctx *ctx, const tr_array *latents, int patch, const tr_array *tokens,
                             bool back) {
  const patch_grid g = grid_of(latents, patch);
  int64_t size = (int64_t)tr_dtype_size(latents->dtype), out_channels = tokens->shape[1] / patch / patch;
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, tokens->count)) schedule(static)
  for (int64_t r = 0; r < tokens->shape[0]; r++) {
    if (back) memset(tr_cpu_row(tokens, r, 0), 0, (size_t)(tokens->shape[1] * size));
    for (int64_t c = 0; c < g.channels; c++)
      for (int64_t i = 0; i < patch; i++) {
        char *latent = (char *)latents->data + latent_offset(&g, r / g.tokens, r % g.tokens, c, i) * size;
        for (int64_t j = 0; j < patch; j++) {
          char *token = tr_cpu_row(tokens, r, (i * patch + j) * out_channels + c);
          memcpy(back ? token : latent + j * size, back ? latent + j * size : token, (size_t)size);
        }
      }
  }
  return TR_OK;
}

tr_status tr_cpu_unpatchify(tr_ctx *ctx, const tr_nn_unpatchify_args *a) {
  return move_joined(ctx, a->latents, a->patch, a->tokens, false);
}

tr_status tr_cpu_unpatchify_adjoint(tr_ctx *ctx, const tr_nn_unpatchify_adjoint_args *a) {
  return move_joined(ctx, a->latents, a->patch, a->tokens, true);
}
