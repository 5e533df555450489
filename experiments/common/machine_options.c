#include "experiments/common/machine_options.h"

#include <string.h>

tr_status machine_open(program *p, machine_options *o, uint64_t seed, tr_dtype *dtype) {
  *dtype = strcmp(o->dtype, tr_dtype_name(TR_F64)) == 0 ? TR_F64 : TR_F32; /* the choices of the option */
  TR_TRY(program_open(p, o->device, seed, o->threads == TR_OPTION_UNSET ? 0 : (int)o->threads));
  o->threads = tr_ctx_threads(p->ctx);
  return TR_OK;
}
