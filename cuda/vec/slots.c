/* Slots: nothing yet. */
#include "cuda/parts_private.h"

tr_status tr_cuda_slots_open(tr_cuda_state *s, tr_error *err) {
  (void)s, (void)err;
  return TR_OK;
}
void tr_cuda_slots_close(tr_cuda_state *s) {
  (void)s;
}
