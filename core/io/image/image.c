#include "core/io/image/image.h"

#include <stdlib.h>

#include "core/require_private.h"

bool tr_image_channels(int64_t channels) {
  return channels == 1 || channels == 3;
}

static uint8_t level(double x) {
  double u = 127.5 * x + 128;
  return (uint8_t)(u > 255 ? 255 : u > 0 ? u : 0);
}

static double element(tr_dtype dtype, const void *values, int64_t i) {
  return dtype == TR_F64 ? ((const double *)values)[i] : (double)((const float *)values)[i];
}

static tr_status check_values(tr_ctx *ctx, tr_dtype dtype, const int64_t shape[4]) {
  if (dtype != TR_F32 && dtype != TR_F64)
    return TR_FAIL(ctx, TR_E_SHAPE, "pictures are made of f32 or f64, not of %s", tr_dtype_name(dtype));
  if (tr_image_channels(shape[1])) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "%lld channels are no picture: use 1, grey, or 3, RGB",
                 (long long)shape[1]);
}

tr_status tr_image_of_values(tr_ctx *ctx, tr_dtype dtype, const void *values, const int64_t shape[4],
                             uint8_t **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, values, shape, out);
  const int64_t n = shape[0], channels = shape[1], pixels = shape[2] * shape[3], count = n * pixels * 3;
  TR_TRY(check_values(ctx, dtype, shape));
  *out = malloc(count ? (size_t)count : 1);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld pictures", (long long)n);
  for (int64_t i = 0; i < n; i++)
    for (int64_t p = 0; p < pixels; p++)
      for (int64_t c = 0; c < 3; c++)
        (*out)[(i * pixels + p) * 3 + c] =
            level(element(dtype, values, (i * channels + (channels == 3 ? c : 0)) * pixels + p));
  return TR_OK;
}

tr_status tr_image_of_array(const tr_array *x, uint8_t **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(x), x, out);
  if (x->ndim != 4) {
    char text[80];
    return TR_FAIL(x->ctx, TR_E_SHAPE, "%s is no batch of pictures: use (N, C, H, W)",
                   tr_array_describe(x, text, sizeof text));
  }
  TR_TRY(check_values(x->ctx, x->dtype, x->shape));
  void *values = malloc(x->count ? (size_t)x->count * tr_dtype_size(x->dtype) : 1);
  if (!values)
    return TR_FAIL(x->ctx, TR_E_MEM, "out of memory for a copy of %lld values", (long long)x->count);
  tr_status status = tr_array_download(x, values);
  if (status == TR_OK) status = tr_image_of_values(x->ctx, x->dtype, values, x->shape, out);
  free(values);
  return status;
}
