/* The autoencoder against the numbers of diffusers: both halves, all layouts of files, non-square pictures,
 * latents, levels, pictures as a whole and in tiles, in f64 and f32. What it does with a batch, and what is
 * refused of calls. */
/* TR_TEST_RESOURCES */
#include "nets/vae/vae.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>

#include "core/backend.h"
#include "core/io/image/image.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"

#define GOLDENS TR_TEST_DATA "/goldens/"

/* Of the largest element. The goldens are of f64. */
static double tolerance(tr_dtype dtype) {
  return dtype == TR_F64 ? 1e-9 : 1e-4;
}

static tr_vae *open_vae(tr_ctx *ctx, const char *folder, const tr_vae_options *options) {
  char path[300];
  tr_vae *vae;
  snprintf(path, sizeof path, GOLDENS "%s", folder);
  CHECK_OK(ctx, tr_vae_open(ctx, path, options, &vae));
  return vae;
}

/* A new array of the shape of a golden one. */
static tr_array *room(tr_ctx *ctx, tr_npz *npz, const char *entry, tr_dtype dtype) {
  tr_array *like = golden_array(npz, entry, dtype), *out;
  CHECK_OK(ctx, tr_array_like(like, &out));
  tr_array_destroy(&like);
  return out;
}

static double *numbers(tr_ctx *ctx, const tr_array *a) {
  double *x = malloc((size_t)a->count * sizeof *x);
  CHECK_OK(ctx, tr_array_get_f64(a, x));
  return x;
}

/* ---- the numbers of the reference ---- */

static void encodes(tr_ctx *ctx, tr_vae *vae, tr_npz *npz, tr_dtype dtype) {
  tr_array *x = golden_array(npz, "x", dtype), *mean = room(ctx, npz, "mean", dtype),
           *logvar = room(ctx, npz, "logvar", dtype);
  CHECK_OK(ctx, tr_vae_encode(vae, x, mean, logvar));
  CHECK_NEAR(golden_difference(npz, "mean", mean), 0, tolerance(dtype));
  CHECK_NEAR(golden_difference(npz, "logvar", logvar), 0, tolerance(dtype));
  if (tr_npz_has(npz, "latent")) {
    const tr_vae_info info = tr_vae_about(vae);
    tr_array *given = golden_array(npz, "eps", dtype);
    double *m = numbers(ctx, mean), *l = numbers(ctx, logvar), *eps = numbers(ctx, given);
    tr_vae_latents(&info, mean->count, m, l, eps, m);
    CHECK_OK(ctx, tr_array_set_f64(given, m));
    CHECK_NEAR(golden_difference(npz, "latent", given), 0, tolerance(dtype));
    tr_array_destroy(&given);
    free(m), free(l), free(eps);
  }
  tr_array_destroy(&x), tr_array_destroy(&mean), tr_array_destroy(&logvar);
}

/* Equal in f64; a float32 decoder may be one level off. */
static void has_levels(tr_ctx *ctx, tr_npz *npz, const tr_array *pictures) {
  tr_npy want;
  uint8_t *levels;
  CHECK_OK(ctx, tr_npz_get(npz, "levels", &want));
  CHECK_OK(ctx, tr_image_of_array(pictures, &levels));
  int off = 0;
  for (int64_t i = 0; i < want.count; i++) {
    const int difference = abs(levels[i] - ((const uint8_t *)want.data)[i]);
    off = difference > off ? difference : off;
  }
  CHECK(want.count == pictures->count && off <= (pictures->dtype == TR_F64 ? 0 : 1));
  tr_npy_close(&want);
  free(levels);
}

/* `scaled`: z is of a diffusion model. */
static void decodes(tr_ctx *ctx, tr_vae *vae, tr_npz *npz, tr_dtype dtype, bool scaled) {
  tr_array *z = golden_array(npz, "z", dtype), *pictures = room(ctx, npz, "decoded", dtype);
  if (scaled) CHECK_OK(ctx, tr_vae_unscale(vae, z, z));
  CHECK_OK(ctx, tr_vae_decode(vae, z, pictures));
  CHECK_NEAR(golden_difference(npz, "decoded", pictures), 0, tolerance(dtype));
  if (tr_npz_has(npz, "levels")) has_levels(ctx, npz, pictures);
  tr_array_destroy(&z), tr_array_destroy(&pictures);
}

static void is_as_the_reference(tr_ctx *ctx, const char *folder, const char *golden, bool scaled) {
  for (int wide = 0; wide < 2; wide++) {
    const tr_dtype dtype = wide ? TR_F64 : TR_F32;
    tr_npz *npz = golden_open(ctx, golden);
    tr_vae *vae = open_vae(ctx, folder, &(tr_vae_options){.dtype = dtype});
    const tr_vae_info info = tr_vae_about(vae);
    CHECK(info.encoder && info.decoder && info.channels == 3);
    if (scaled) {
      CHECK_NEAR(info.scaling, golden_scalar(ctx, npz, "scaling_factor"), 0);
      CHECK_NEAR(info.shift, golden_scalar(ctx, npz, "shift_factor"), 0);
    }
    encodes(ctx, vae, npz, dtype);
    decodes(ctx, vae, npz, dtype, scaled);
    tr_vae_destroy(&vae);
    tr_npz_close(&npz);
  }
}

/* Products of rounded operands change the picture, a little. */
static void decodes_in_tf32(tr_ctx *ctx) {
  const tr_vae_options options = {.dtype = TR_F32, .products = TR_NN_TF32, .decoder = true};
  tr_npz *npz = golden_open(ctx, "vae2/plain");
  tr_vae *vae = open_vae(ctx, "vae2/plain", &options);
  tr_array *z = golden_array(npz, "z", TR_F32), *pictures = room(ctx, npz, "decoded", TR_F32);
  CHECK_OK(ctx, tr_vae_unscale(vae, z, z));
  CHECK_OK(ctx, tr_vae_decode(vae, z, pictures));
  const double off = golden_difference(npz, "decoded", pictures);
  if (!(off > 1e-5 && off < 1e-3)) printf("TF32 is %g off\n", off);
  CHECK(off > 1e-5 && off < 1e-3);
  tr_array_destroy(&z), tr_array_destroy(&pictures);
  tr_vae_destroy(&vae);
  tr_npz_close(&npz);
}

/* ---- tiles ---- */

static void decodes_tiles(tr_ctx *ctx, tr_vae *vae, tr_npz *npz, tr_dtype dtype, const char *entry) {
  tr_array *z = golden_array(npz, "tile_z", dtype), *pictures = room(ctx, npz, entry, dtype);
  CHECK_OK(ctx, tr_vae_unscale(vae, z, z));
  CHECK_OK(ctx, tr_vae_decode(vae, z, pictures));
  CHECK_NEAR(golden_difference(npz, entry, pictures), 0, tolerance(dtype));
  tr_array_destroy(&z), tr_array_destroy(&pictures);
}

static void encodes_tiles(tr_ctx *ctx, tr_vae *vae, tr_npz *npz, tr_dtype dtype, const char *entry) {
  tr_array *x = golden_array(npz, "tile_x", dtype), *mean = room(ctx, npz, entry, dtype),
           *logvar = room(ctx, npz, entry, dtype);
  CHECK_OK(ctx, tr_vae_encode(vae, x, mean, logvar));
  CHECK_NEAR(golden_difference(npz, entry, mean), 0, tolerance(dtype));
  tr_array_destroy(&x), tr_array_destroy(&mean), tr_array_destroy(&logvar);
}

static void in_tiles(tr_ctx *ctx, tr_dtype dtype) {
  tr_npz *npz = golden_open(ctx, "vae2/big");
  tr_vae *vae = open_vae(ctx, "vae2/big", &(tr_vae_options){.dtype = dtype});
  CHECK(tr_vae_about(vae).sample_size == (int)golden_scalar(ctx, npz, "tile_sample_size"));
  CHECK(tr_vae_about(vae).factor == 4);
  decodes_tiles(ctx, vae, npz, dtype, "tile_whole");
  encodes_tiles(ctx, vae, npz, dtype, "tile_mean_whole");
  CHECK_OK(ctx, tr_vae_set_tiles(vae, true));
  decodes_tiles(ctx, vae, npz, dtype, "tile_diffusers");
  encodes_tiles(ctx, vae, npz, dtype, "tile_mean_diffusers");
  CHECK_OK(ctx, tr_vae_set_tiles(vae, false));
  decodes_tiles(ctx, vae, npz, dtype, "tile_whole");
  tr_vae_destroy(&vae);
  tr_npz_close(&npz);
}

/* ---- batches ---- */

/* Each picture alone has the bits that it has in a batch, also where another size was decoded in between. */
static void is_of_itself(tr_ctx *ctx) {
  tr_npz *npz = golden_open(ctx, "vae2/plain");
  tr_vae *vae = open_vae(ctx, "vae2/plain", &(tr_vae_options){.dtype = TR_F32, .decoder = true});
  tr_array *z = golden_array(npz, "z", TR_F32), *all = room(ctx, npz, "decoded", TR_F32), *alone, *small,
           *of_small;
  CHECK_OK(ctx, tr_array_like(all, &alone));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 4, (int64_t[]){1, 3, 2, 1}, &small));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 4, (int64_t[]){1, 3, 4, 2}, &of_small));
  tr_array front = tr_view(z, 0, 4, small->shape);
  CHECK_OK(ctx, tr_array_copy(&front, small));
  CHECK_OK(ctx, tr_vae_decode(vae, z, all));
  for (int64_t i = z->shape[0] - 1; i >= 0; i--) {
    const tr_array one = tr_rows(z, i, 1);
    tr_array to = tr_rows(alone, i, 1);
    CHECK_OK(ctx, tr_vae_decode(vae, &one, &to));
    CHECK_OK(ctx, tr_vae_decode(vae, small, of_small));
  }
  double *a = numbers(ctx, all), *b = numbers(ctx, alone);
  if (promises(ctx, TR_BACKEND_ROWS_INDEPENDENT))
    CHECK(memcmp(a, b, (size_t)all->count * sizeof *a) == 0);
  else
    CHECK_NEAR(check_relative(a, b, all->count), 0, 1e-5);
  free(a), free(b);
  CHECK(tr_net_counted(tr_vae_network(vae)).n_forward == 1 + 2 * z->shape[0]);
  const tr_array none = tr_rows(z, 0, 0);
  tr_array nothing = tr_rows(all, 0, 0);
  CHECK_OK(ctx, tr_vae_decode(vae, &none, &nothing));
  tr_array_destroy(&z), tr_array_destroy(&all), tr_array_destroy(&alone);
  tr_array_destroy(&small), tr_array_destroy(&of_small);
  tr_vae_destroy(&vae);
  tr_npz_close(&npz);
}

static void refuses(tr_ctx *ctx) {
  tr_vae *vae = open_vae(ctx, "vae2/plain", &(tr_vae_options){.dtype = TR_F32, .decoder = true});
  tr_array *z, *other, *pictures;
  CHECK(!tr_vae_about(vae).encoder && tr_vae_about(vae).decoder);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 4, (int64_t[]){1, 3, 2, 3}, &z));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 4, (int64_t[]){1, 4, 2, 3}, &other));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 4, (int64_t[]){1, 3, 4, 6}, &pictures));
  CHECK_ERROR(ctx, tr_vae_decode(vae, other, pictures), TR_E_SHAPE,
              "latents (N, 3, H, W) in f32, not f32 (1, 4");
  CHECK_ERROR(ctx, tr_vae_decode(vae, z, z), TR_E_SHAPE, "the pictures of f32 (1, 3, 2, 3) are 1 of 4 x 6");
  CHECK_ERROR(ctx, tr_vae_encode(vae, pictures, z, z), TR_E_ARG, "without its encoder");
  CHECK_ERROR(ctx, tr_vae_set_tiles(NULL, true), TR_E_ARG, NULL);
  CHECK_OK(ctx, tr_vae_set_tiles(vae, true)); /* 16 pixels, a factor of 2 */
  tr_vae_destroy(&vae);
  vae = open_vae(ctx, "vae2/plain", &(tr_vae_options){.dtype = TR_F64, .encoder = true});
  CHECK_ERROR(ctx, tr_vae_encode(vae, pictures, z, z), TR_E_SHAPE, "in f64, not f32");
  tr_vae_destroy(&vae);
  tr_array_destroy(&z), tr_array_destroy(&other), tr_array_destroy(&pictures);
}

/* ---- of any size ---- */

static void at_random(tr_ctx *ctx) {
  const tr_vae_sizes sizes = {.levels = 2, .widths = {4, 8}, .layers = 1, .groups = 2, .sample_size = 12};
  tr_vae *vae;
  tr_array *z, *a;
  CHECK_OK(ctx, tr_vae_create_random(ctx, &sizes, &(tr_vae_options){.dtype = TR_F64}, 5, &vae));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, (int64_t[]){1, 4, 3, 2}, &z));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, (int64_t[]){1, 3, 6, 4}, &a));
  double x[24];
  for (int i = 0; i < 24; i++) x[i] = sin(i);
  CHECK_OK(ctx, tr_array_set_f64(z, x));
  CHECK_OK(ctx, tr_vae_decode(vae, z, a));
  double *of_a = numbers(ctx, a);
  double most = 0;
  for (int64_t i = 0; i < a->count; i++) most = fmax(most, fabs(of_a[i]));
  CHECK(most > 0.01 && most < 100);
  CHECK_ERROR(ctx, tr_vae_set_tiles(vae, true), TR_E_UNSUPPORTED, "tiles of 12 pixels");
  static const volatile sig_atomic_t raised = 1;
  tr_ctx_set_interrupt(ctx, &raised);
  CHECK_ERROR(ctx, tr_vae_decode(vae, z, a), TR_E_INTERRUPTED, "interrupted");
  tr_ctx_set_interrupt(ctx, NULL);
  free(of_a);
  tr_vae_destroy(&vae);
  tr_array_destroy(&z), tr_array_destroy(&a);
  CHECK_ERROR(ctx, tr_vae_create_random(ctx, &(tr_vae_sizes){.groups = 7}, &(tr_vae_options){0}, 1, &vae),
              TR_E_ARG, "7 groups of a norm");
  CHECK_ERROR(
      ctx,
      tr_vae_create_random(ctx, &(tr_vae_sizes){.latent_channels = INT_MAX}, &(tr_vae_options){0}, 1, &vae),
      TR_E_ARG, "latents of 2147483647: use 1 to 65536");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  is_as_the_reference(ctx, "vae2/plain", "vae2/plain", true);
  is_as_the_reference(ctx, "vae2/names", "vae2/names", true);
  is_as_the_reference(ctx, "vae2/old", "vae2/names", true);
  is_as_the_reference(ctx, "vae", "vae/vae", false);
  is_as_the_reference(ctx, "vae2/big", "vae2/big", true);
  if (promises(ctx, TR_BACKEND_TF32)) decodes_in_tf32(ctx);
  in_tiles(ctx, TR_F64);
  in_tiles(ctx, TR_F32);
  is_of_itself(ctx);
  at_random(ctx);
  refuses(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
