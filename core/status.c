#include "core/status.h"

const char *tr_status_name(tr_status status) {
  static const char *const names[] = {
      "TR_OK",   "TR_E_ARG",    "TR_E_SHAPE",  "TR_E_MEM",       "TR_E_UNSUPPORTED",
      "TR_E_IO", "TR_E_DEVICE", "TR_E_SOLVER", "TR_E_NONFINITE", "TR_E_INTERRUPTED"};
  if ((int)status < 0 || (int)status >= (int)(sizeof names / sizeof *names)) return "TR_E_?";
  return names[status];
}
