#include "integrators/version.h"

#include <sundials/sundials_version.h>

const char *tr_sundials_version(void) {
  static char text[32];
  if (!text[0] && SUNDIALSGetVersion(text, (int)sizeof text) != 0) return "unknown";
  return text;
}
