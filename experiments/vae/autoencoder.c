#include "experiments/vae/autoencoder.h"

#include <stdlib.h>
#include <string.h>

#include "core/io/image/image.h"
#include "core/text.h"
#include "experiments/fetch/fetch.h"
#include "experiments/output/run_record.h"

tr_status autoencoder_check_products(program *p, tr_nn_products products) {
  if (products != TR_NN_BF16) return TR_OK;
  return TR_FAIL(p->ctx, TR_E_ARG,
                 "--dtype bf16: an autoencoder has no products in bf16, use f32, f64 or, on a "
                 "GPU, tf32");
}

tr_status autoencoder_open(program *p, const autoencoder_options *options, bool encoder, tr_dtype dtype,
                           tr_nn_products products, autoencoder *out) {
  const tr_vae_options of_vae = {.dtype = dtype,
                                 .products = products,
                                 .encoder = encoder,
                                 .decoder = !encoder,
                                 .tiles = strcmp(options->tiles, "diffusers") == 0};
  *out = (autoencoder){.dtype = dtype};
  TR_TRY(vae_folder(p, options->vae, &out->folder));
  TR_TRY(program_option_error(p->ctx, "vae", tr_vae_open(p->ctx, out->folder, &of_vae, &out->vae)));
  out->about = tr_vae_about(out->vae);
  return encoder ? TR_OK : file_hash_start(p->ctx, tr_vae_file(out->vae), &out->hash);
}

void autoencoder_close(autoencoder *a) {
  file_hash_discard(&a->hash);
  tr_vae_destroy(&a->vae);
  free(a->folder);
  *a = (autoencoder){0};
}

json_t *autoencoder_record(const autoencoder *a) {
  return json_pack("{s:o, s:o, s:s, s:o, s:o}", "folder", record_text(a->folder), "file",
                   record_text(tr_vae_file(a->vae)), "sha256", a->hash.hex, "scaling",
                   record_number(a->about.scaling), "shift", record_number(a->about.shift));
}

tr_status autoencoder_decode(const autoencoder *a, const tr_array *x, tr_array *pictures) {
  tr_array *z;
  TR_TRY(tr_array_like(x, &z));
  tr_status status = tr_vae_unscale(a->vae, x, z);
  if (status == TR_OK) status = tr_vae_decode(a->vae, z, pictures);
  tr_array_destroy(&z);
  return status;
}

tr_status autoencoder_check_levels(tr_ctx *ctx, const autoencoder *a) {
  if (tr_image_channels(a->about.channels)) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE,
                 "the autoencoder '%s' makes pictures of %d channels: only 1 and 3 can be shown",
                 TR_SHOW(a->folder, 300), a->about.channels);
}
