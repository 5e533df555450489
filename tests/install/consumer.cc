// A program outside the project, in C++: the headers serve it as they are.
#include <transit.h>

int main() {
  tr_ctx *ctx;
  tr_sampler sampler;
  bool ok = tr_ctx_open("cpu", 1, &ctx, nullptr) == TR_OK && tr_register_all(ctx) == TR_OK &&
            tr_sampler_defaults(ctx, &sampler) == TR_OK;
  tr_ctx_close(&ctx);
  return ok ? 0 : 1;
}
