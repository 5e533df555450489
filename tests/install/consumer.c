/* A program outside the project: opens a device, writes an array, reads it back. */
#include <transit.h>

int main(int argc, char **argv) {
  tr_ctx *ctx;
  tr_array *x = NULL, *y = NULL;
  tr_npz_out *out;
  tr_npz *in = NULL;
  double sum = 0;
  if (argc != 2 || tr_ctx_open("cpu", 1, &ctx, NULL) != TR_OK) return 2;
  tr_status status = tr_array_create(ctx, TR_F32, 2, (int64_t[]){2, 3}, &x);
  if (status == TR_OK) status = tr_fill(0.5, x);
  if (status == TR_OK) status = tr_npz_create(ctx, argv[1], &out);
  if (status == TR_OK) {
    status = tr_npz_add_array(out, "x", x);
    if (tr_npz_commit(&out) == TR_OK && status == TR_OK) status = tr_npz_open(ctx, argv[1], &in);
  }
  if (status == TR_OK) status = tr_npz_get_array(in, "x", TR_F64, &y);
  if (status == TR_OK) status = tr_reduce(TR_SUM, y, NULL, NULL, &sum);
  printf("transit %s: %g %s\n", tr_version(), sum, tr_ctx_error(ctx)->message);
  tr_npz_close(&in);
  tr_array_destroy(&x);
  tr_array_destroy(&y);
  tr_ctx_close(&ctx);
  return sum == 3 ? 0 : 1;
}
