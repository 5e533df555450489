#include "nets/foreign_private.h"

#include <string.h>

/* Those whose names all of these begin; the first that fits. */
static const struct {
  const char *name, *beginnings[3];
} families[] = {
    {"an MMDiT (Stable Diffusion 3)", {"joint_blocks.", "context_embedder."}},
    {"a Flux transformer", {"double_blocks.", "single_blocks."}},
    {"a transformer of diffusers", {"transformer_blocks."}},
    {"a U-Net (ADM, latent diffusion)", {"input_blocks.", "output_blocks."}},
    {"an autoencoder (VAE) in the layout of latent diffusion's own code", {"encoder.down.", "decoder.up."}},
    {"a U-Net of diffusers", {"down_blocks.", "up_blocks."}},
    {"a CLIP text encoder", {"text_model."}},
    {"a vision transformer", {"patch_embed.", "cls_token"}},
};

static bool any_begins(const tr_tensors *weights, const char *beginning) {
  for (int i = 0; i < weights->n; i++)
    if (strncmp(weights->items[i].name, beginning, strlen(beginning)) == 0) return true;
  return false;
}

const char *tr_net_foreign(const tr_tensors *weights) {
  if (!weights) return NULL;
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    bool all = true;
    for (int k = 0; k < 3 && families[i].beginnings[k]; k++)
      all = all && any_begins(weights, families[i].beginnings[k]);
    if (all) return families[i].name;
  }
  return NULL;
}
