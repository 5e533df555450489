#include "integrators/stop.h"

const char *tr_stop_name(tr_stop stop) {
  static const char *const names[] = {
      [TR_STOP_ERROR] = "error", [TR_STOP_END] = "end", [TR_STOP_MAX_NFE] = "max-nfe"};
  const unsigned n = sizeof names / sizeof *names;
  return names[(unsigned)stop < n ? stop : TR_STOP_ERROR];
}
