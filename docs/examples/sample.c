/* Draws one digit of each class from a checkpoint into a picture. usage: sample CHECKPOINT OUT.png */
#include <transit.h>

int main(int argc, char **argv) {
  const int32_t digits[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  tr_ctx *ctx = NULL;
  tr_model *model = NULL;
  tr_sampler sampler = {0};
  tr_array *x = NULL;
  bool ok = argc == 3 && tr_ctx_open("auto", 1, &ctx, NULL) == TR_OK && tr_register_all(ctx) == TR_OK &&
            tr_model_open(ctx, argv[1], NULL, &model) == TR_OK &&
            tr_model_sampler(model, TR_F32, &sampler) == TR_OK &&
            tr_model_states(model, TR_F32, 10, &x) == TR_OK && tr_sample_init(&sampler, x) == TR_OK &&
            tr_sample_ode(&sampler, &(tr_cond){10, digits}, x, NULL) == TR_OK &&
            tr_png_array(argv[2], NULL, x) == TR_OK;
  if (!ok) fprintf(stderr, "sample: %s\n", argc == 3 ? tr_ctx_error(ctx)->message : "give two arguments");
  tr_array_destroy(&x), tr_drift_destroy(&sampler.drift), tr_model_close(&model), tr_ctx_close(&ctx);
  return ok ? 0 : 1;
}
