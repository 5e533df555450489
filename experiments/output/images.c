#include "experiments/output/images.h"

#include <stdlib.h>

bool images_are_pixels(int channels) {
  return channels == 1 || channels == 3;
}

static unsigned char pixel(double x) {
  double u = 127.5 * x + 128;
  return (unsigned char)(u < 0 ? 0 : u > 255 ? 255 : u);
}

static double element(tr_dtype dtype, const void *host, int64_t i) {
  return dtype == TR_F64 ? ((const double *)host)[i] : (double)((const float *)host)[i];
}

tr_status images_from_latents(tr_ctx *ctx, tr_dtype dtype, const void *host, const int64_t shape[4],
                              unsigned char **out) {
  int64_t n = shape[0], channels = shape[1], pixels = shape[2] * shape[3];
  *out = malloc((size_t)(n * pixels * 3));
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld pictures", (long long)n);
  for (int64_t i = 0; i < n; i++)
    for (int64_t p = 0; p < pixels; p++)
      for (int64_t c = 0; c < 3; c++)
        (*out)[(i * pixels + p) * 3 + c] =
            pixel(element(dtype, host, (i * channels + (channels == 3 ? c : 0)) * pixels + p));
  return TR_OK;
}
