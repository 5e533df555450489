#include "experiments/common/machine_options.h"

#include <string.h>

static bool is(const machine_options *o, tr_dtype dtype) {
  return strcmp(o->dtype, tr_dtype_name(dtype)) == 0;
}

tr_status machine_open(program *p, machine_options *o, uint64_t seed, tr_dtype *dtype) {
  tr_nn_products products;
  TR_TRY(machine_open_network(p, o, seed, dtype, &products));
  if (products == TR_NN_FULL) return TR_OK;
  return TR_FAIL(p->ctx, TR_E_ARG, "--dtype bf16 is for networks: use f32 or f64 here");
}

tr_status machine_open_network(program *p, machine_options *o, uint64_t seed, tr_dtype *dtype,
                               tr_nn_products *products) {
  *dtype = is(o, TR_F64) ? TR_F64 : TR_F32; /* the choices of the option */
  *products = is(o, TR_BF16) ? TR_NN_BF16 : TR_NN_FULL;
  TR_TRY(program_open(p, o->device, seed, o->threads == TR_OPTION_UNSET ? 0 : (int)o->threads));
  o->threads = tr_ctx_threads(p->ctx);
  return TR_OK;
}
