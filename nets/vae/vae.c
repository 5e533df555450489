#include "nets/vae/vae.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/io/file.h"
#include "core/require_private.h"
#include "core/text.h"
#include "core/vec/vec.h"
#include "nets/checkpoint/checkpoint.h"
#include "nets/foreign_private.h"
#include "nets/layers/weights.h"
#include "nets/vae/vae_private.h"

struct tr_vae {
  tr_ctx *ctx;
  tr_net *net;
  tr_vae_settings settings; /* the sizes are those that are loaded */
  bool tiles;
  char *file; /* of the weights */
};

/* ---- the files ---- */

/* FOLDER/NAME, malloc'd; NULL: out of memory. */
static char *join(const char *folder, const char *name) {
  const size_t size = strlen(folder) + strlen(name) + 2;
  char *path = malloc(size);
  if (path) snprintf(path, size, "%s/%s", folder, name);
  return path;
}

static bool is_there(const char *path) {
  struct stat info;
  return path && stat(path, &info) == 0;
}

/* The first of the names that diffusers gives its weights; malloc'd. */
static tr_status find_weights(tr_ctx *ctx, const char *folder, char **out) {
  static const char *const names[] = {"diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin",
                                      "diffusion_pytorch_model.safetensors.index.json",
                                      "diffusion_pytorch_model.fp16.safetensors"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    *out = join(folder, names[i]);
    if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
    if (is_there(*out)) return TR_OK;
    free(*out);
    *out = NULL;
  }
  return TR_FAIL(ctx, TR_E_IO, "'%s' has no weights of an autoencoder: %s or %s is needed beside config.json",
                 TR_SHOW(folder, 300), names[0], names[1]);
}

static tr_status check_folder(tr_ctx *ctx, const char *folder) {
  struct stat info;
  if (stat(folder, &info) != 0)
    return TR_FAIL(ctx, TR_E_IO, "the autoencoder's folder '%s': %s", TR_SHOW(folder, 300), strerror(errno));
  if (S_ISDIR(info.st_mode)) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_IO,
      "'%s' is no folder: an autoencoder's has config.json and diffusion_pytorch_model.safetensors",
      TR_SHOW(folder, 300));
}

static tr_status read_config(tr_ctx *ctx, const char *folder, tr_vae_settings *out) {
  TR_TRY(check_folder(ctx, folder));
  char *path = join(folder, "config.json");
  if (!path) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
  const tr_status status = tr_vae_read_config(ctx, path, out);
  free(path);
  return status;
}

/* ---- the network ---- */

/* The tensors of this file are those that the config tells; the file is named in what is wrong with them. */
static tr_status check_weights(tr_ctx *ctx, const char *path, const tr_tensors *weights, tr_vae_config *c) {
  c->encoder = tr_tensors_find(weights, "encoder.conv_in.weight") != NULL;
  c->decoder = tr_tensors_find(weights, "decoder.conv_in.weight") != NULL;
  const char *foreign = tr_net_foreign(weights);
  if (foreign)
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "'%s' seems to hold %s: an AutoencoderKL of diffusers is needed",
                   TR_SHOW(path, 300), foreign);
  if (!c->encoder && !c->decoder)
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "'%s' holds no autoencoder (AutoencoderKL): it has neither 'encoder.conv_in.weight' nor "
                   "'decoder.conv_in.weight'",
                   TR_SHOW(path, 300));
  if (tr_weights_check(ctx, weights, &tr_net_vae, c, "the network of config.json") == TR_OK) return TR_OK;
  const tr_error error = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  return TR_FAIL(ctx, error.status, "'%s' is not as the config.json beside it says: %s", TR_SHOW(path, 200),
                 TR_SHOW(error.message, 400));
}

/* Both where neither is asked for. */
static tr_status choose_halves(tr_ctx *ctx, const char *path, const tr_vae_options *o, tr_vae_config *c) {
  const char *missing = o->encoder && !c->encoder ? "encoder" : o->decoder && !c->decoder ? "decoder" : NULL;
  if (missing) return TR_FAIL(ctx, TR_E_SHAPE, "'%s' has no %s", TR_SHOW(path, 300), missing);
  if (!o->encoder && !o->decoder) return TR_OK;
  c->encoder = o->encoder, c->decoder = o->decoder;
  return TR_OK;
}

static tr_net_config config_of(const tr_vae *vae) {
  return (tr_net_config){.type = &tr_net_vae,
                         .info = {.null_class = -1, .row = 1},
                         .sizes = (void *)(uintptr_t)&vae->settings.sizes}; /* it is only read */
}

static tr_net_options options_of(const tr_vae_options *o) {
  return (tr_net_options){.dtype = o->dtype, .products = o->products, .storage = TR_WEIGHTS_WIDE};
}

static tr_status load(tr_vae *vae, const char *path, const tr_checkpoint *file, const tr_vae_options *o) {
  tr_tensors weights;
  TR_TRY(tr_checkpoint_weights(vae->ctx, file, NULL, &weights));
  TR_TRY(check_weights(vae->ctx, path, &weights, &vae->settings.sizes));
  TR_TRY(choose_halves(vae->ctx, path, o, &vae->settings.sizes));
  const tr_net_config config = config_of(vae);
  const tr_net_options options = options_of(o);
  return tr_net_create(vae->ctx, &config, &options, &weights, &vae->net);
}

static tr_status open_folder(tr_vae *vae, const char *folder, const tr_vae_options *o) {
  tr_checkpoint *file = NULL;
  TR_TRY(read_config(vae->ctx, folder, &vae->settings));
  TR_TRY(find_weights(vae->ctx, folder, &vae->file));
  tr_status status = tr_checkpoint_open(vae->ctx, vae->file, &file);
  if (status == TR_OK) status = load(vae, vae->file, file, o);
  tr_checkpoint_close(&file);
  return status == TR_OK ? tr_vae_set_tiles(vae, o->tiles) : status;
}

static tr_status create(tr_ctx *ctx, tr_vae **out) {
  *out = calloc(1, sizeof **out);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for an autoencoder");
  (*out)->ctx = ctx;
  return TR_OK;
}

tr_status tr_vae_open(tr_ctx *ctx, const char *folder, const tr_vae_options *options, tr_vae **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, folder, options, out);
  TR_TRY(create(ctx, out));
  const tr_status status = open_folder(*out, folder, options);
  if (status != TR_OK) tr_vae_destroy(out);
  return status;
}

/* ---- of any size ---- */

static int or_else(int value, int usual) {
  return value ? value : usual;
}

static tr_status set_sizes(tr_ctx *ctx, const tr_vae_sizes *s, const tr_vae_options *o,
                           tr_vae_settings *out) {
  static const int usual[] = {128, 256, 512, 512};
  const bool both = !o->encoder && !o->decoder;
  if (s->levels < 0 || s->levels > TR_VAE_LEVELS)
    return TR_FAIL(ctx, TR_E_ARG, "an autoencoder of %d levels: use 1 to %d, or 0 for the usual ones",
                   s->levels, TR_VAE_LEVELS);
  *out = (tr_vae_settings){.sizes = {.levels = or_else(s->levels, 4),
                                     .layers = or_else(s->layers, 2),
                                     .channels = 3,
                                     .latent_channels = or_else(s->latent_channels, 4),
                                     .groups = or_else(s->groups, 32),
                                     .attention = 1,
                                     .quant = 1,
                                     .post_quant = 1,
                                     .encoder = both || o->encoder,
                                     .decoder = both || o->decoder},
                           .sample_size = or_else(s->sample_size, 256),
                           .scaling = TR_VAE_SCALING};
  memcpy(out->sizes.widths, s->levels ? s->widths : usual, (size_t)out->sizes.levels * sizeof *usual);
  return TR_OK;
}

tr_status tr_vae_create_random(tr_ctx *ctx, const tr_vae_sizes *sizes, const tr_vae_options *options,
                               uint64_t seed, tr_vae **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, sizes, options, out);
  TR_TRY(create(ctx, out));
  const tr_net_options of_net = options_of(options);
  tr_status status = set_sizes(ctx, sizes, options, &(*out)->settings);
  if (status == TR_OK) {
    const tr_net_config config = config_of(*out);
    status = tr_net_create_random(ctx, &config, &of_net, TR_NET_RANDOM, seed, &(*out)->net);
  }
  if (status == TR_OK) status = tr_vae_set_tiles(*out, options->tiles);
  if (status != TR_OK) tr_vae_destroy(out);
  return status;
}

void tr_vae_destroy(tr_vae **vae) {
  if (!vae || !*vae) return;
  tr_net_destroy(&(*vae)->net);
  free((*vae)->file);
  free(*vae);
  *vae = NULL;
}

/* ---- what it is ---- */

tr_vae_info tr_vae_about(const tr_vae *vae) {
  if (!vae) return (tr_vae_info){0};
  const tr_vae_config *c = &vae->settings.sizes;
  return (tr_vae_info){.channels = c->channels,
                       .latent_channels = c->latent_channels,
                       .factor = c->levels > 0 ? 1 << (c->levels - 1) : 0,
                       .sample_size = vae->settings.sample_size,
                       .scaling = vae->settings.scaling,
                       .shift = vae->settings.shift,
                       .encoder = c->encoder,
                       .decoder = c->decoder};
}

tr_net *tr_vae_network(tr_vae *vae) {
  return vae ? vae->net : NULL;
}

const char *tr_vae_file(const tr_vae *vae) {
  return vae ? vae->file : NULL;
}

tr_status tr_vae_set_tiles(tr_vae *vae, bool tiles) {
  TR_REQUIRE(TR_CTX_OF(vae), vae);
  const int side = vae->settings.sample_size, factor = tr_vae_about(vae).factor;
  TR_REQUIRE(vae->ctx, vae->net);
  if (tiles && (side < 4 * factor || side % (4 * factor)))
    return TR_FAIL(
        vae->ctx, TR_E_UNSUPPORTED,
        "tiles of %d pixels (sample_size) do not overlap by a quarter of their latents: a multiple of "
        "%d would",
        side, 4 * factor);
  vae->tiles = tiles;
  return TR_OK;
}

/* ---- pictures and latents ---- */

/* (N, channels, H, W) of the autoencoder's type. */
static tr_status check_array(const tr_vae *vae, const char *what, const tr_array *a, int channels) {
  char text[96];
  const tr_dtype dtype = tr_net_dtype(vae->net);
  if (a->ctx == vae->ctx && a->dtype == dtype && a->ndim == 4 && a->shape[1] == channels && a->shape[2] > 0 &&
      a->shape[3] > 0)
    return TR_OK;
  return TR_FAIL(vae->ctx, TR_E_SHAPE, "the autoencoder takes %s (N, %d, H, W) in %s, not %s", what, channels,
                 tr_dtype_name(dtype), tr_array_describe(a, text, sizeof text));
}

/* Whether `behind` has the extents that a half makes of those of x. */
static tr_status check_extents(const tr_vae *vae, bool encoder, const tr_array *x, const tr_array *behind) {
  char a[96], b[96];
  const tr_vae_config *c = &vae->settings.sizes;
  const int64_t h = tr_vae_extent(c, encoder, x->shape[2]), w = tr_vae_extent(c, encoder, x->shape[3]);
  if (h < 1 || w < 1)
    return TR_FAIL(vae->ctx, TR_E_SHAPE, "pictures %s: sides of %d pixels at least are needed",
                   tr_array_describe(x, a, sizeof a), tr_vae_about(vae).factor);
  if (behind->shape[0] == x->shape[0] && behind->shape[2] == h && behind->shape[3] == w) return TR_OK;
  return TR_FAIL(vae->ctx, TR_E_SHAPE, "%s of %s are %lld of %lld x %lld, not %s",
                 encoder ? "the latents" : "the pictures", tr_array_describe(x, a, sizeof a),
                 (long long)x->shape[0], (long long)h, (long long)w, tr_array_describe(behind, b, sizeof b));
}

static tr_status check_half(const tr_vae *vae, bool encoder) {
  const tr_vae_config *c = &vae->settings.sizes;
  if (encoder ? c->encoder : c->decoder) return TR_OK;
  return TR_FAIL(vae->ctx, TR_E_ARG, "the autoencoder was opened without its %s",
                 encoder ? "encoder" : "decoder");
}

static tr_status run(const tr_vae *vae, bool encoder, const tr_array *x, tr_array *y) {
  const int side = vae->settings.sample_size;
  vae->net->counts.n_forward++;
  if (vae->tiles && tr_vae_is_tiled(&vae->settings.sizes, side, encoder, x))
    return tr_vae_run_tiles(vae->net, side, encoder, x, y);
  return tr_vae_run(vae->net, encoder, x, y);
}

/* What overflows ends as NaN, which would pass for a black picture, or for a variance that is clamped. */
static tr_status check_finite(const tr_vae *vae, const char *what, const tr_array *y) {
  double most = 0;
  if (y->count > 0) TR_TRY(tr_reduce(TR_MAX_ABS, y, NULL, NULL, &most));
  if (isfinite(most)) return TR_OK;
  return TR_FAIL(vae->ctx, TR_E_NONFINITE,
                 "the %s of the autoencoder have NaN or infinity in %s: what it was given, its scaling %g or "
                 "its shift %g is out of range",
                 what, tr_dtype_name(y->dtype), vae->settings.scaling, vae->settings.shift);
}

tr_status tr_vae_decode(tr_vae *vae, const tr_array *z, tr_array *pictures) {
  TR_REQUIRE(TR_CTX_FROM(vae, z, pictures), vae, z, pictures);
  TR_REQUIRE(vae->ctx, vae->net);
  const tr_vae_config *c = &vae->settings.sizes;
  TR_TRY(check_half(vae, false));
  TR_TRY(check_array(vae, "latents", z, c->latent_channels));
  TR_TRY(check_array(vae, "pictures", pictures, c->channels));
  TR_TRY(check_extents(vae, false, z, pictures));
  TR_TRY(run(vae, false, z, pictures));
  return check_finite(vae, "pictures", pictures);
}

/* Means and logarithms of variances out of moments, which have one behind the other. */
static tr_status split(const tr_vae *vae, const tr_array *moments, tr_array *mean, tr_array *logvar) {
  const int64_t n = moments->shape[0], row = n ? mean->count / n : 0;
  double *all = malloc((size_t)(moments->count + 2 * mean->count) * sizeof *all);
  if (!all) return TR_FAIL(vae->ctx, TR_E_MEM, "out of memory for %lld latents", (long long)n);
  double *means = all + moments->count, *logvars = means + mean->count;
  tr_status status = tr_array_get_f64(moments, all);
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k < row; k++) {
      means[i * row + k] = all[2 * i * row + k];
      logvars[i * row + k] = fmin(fmax(all[(2 * i + 1) * row + k], -30), 20);
    }
  if (status == TR_OK) status = tr_array_set_f64(mean, means);
  if (status == TR_OK) status = tr_array_set_f64(logvar, logvars);
  free(all);
  return status;
}

tr_status tr_vae_encode(tr_vae *vae, const tr_array *pictures, tr_array *mean, tr_array *logvar) {
  TR_REQUIRE(TR_CTX_FROM(vae, pictures, mean, logvar), vae, pictures, mean, logvar);
  TR_REQUIRE(vae->ctx, vae->net);
  const tr_vae_config *c = &vae->settings.sizes;
  tr_array *moments;
  TR_TRY(check_half(vae, true));
  TR_TRY(check_array(vae, "pictures", pictures, c->channels));
  TR_TRY(check_array(vae, "means", mean, c->latent_channels));
  TR_TRY(check_array(vae, "logarithms of variances", logvar, c->latent_channels));
  TR_TRY(check_extents(vae, true, pictures, mean));
  TR_TRY(check_extents(vae, true, pictures, logvar));
  const int64_t *s = mean->shape;
  TR_TRY(tr_array_create(vae->ctx, mean->dtype, 4, (int64_t[]){s[0], 2 * s[1], s[2], s[3]}, &moments));
  tr_status status = run(vae, true, pictures, moments);
  if (status == TR_OK) status = check_finite(vae, "latents", moments);
  if (status == TR_OK) status = split(vae, moments, mean, logvar);
  tr_array_destroy(&moments);
  return status;
}

tr_status tr_vae_unscale(const tr_vae *vae, const tr_array *x, tr_array *z) {
  TR_REQUIRE(TR_CTX_FROM(vae, x, z), vae, x, z);
  const tr_vae_settings *s = &vae->settings;
  TR_TRY(tr_scale(1 / s->scaling, x, z));
  return s->shift != 0 ? tr_map(TR_MAP_ADDC, s->shift, z, NULL, z) : TR_OK;
}

void tr_vae_latents(const tr_vae_info *info, int64_t n, const double *mean, const double *logvar,
                    const double *eps, double *x) {
  if (!info || !mean || !x) return;
  for (int64_t i = 0; i < n; i++) {
    const double drawn = logvar && eps ? exp(logvar[i] / 2) * eps[i] : 0;
    x[i] = (mean[i] + drawn - info->shift) * info->scaling;
  }
}
