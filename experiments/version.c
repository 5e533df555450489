/* transit --version: what this build is made of and what this machine offers. */
#include "core/backend.h"
#include "experiments/commands.h"

static void print_devices(FILE *out) {
  for (const tr_backend *const *b = tr_backends(); *b; b++) {
    char text[256] = "";
    if ((*b)->describe && (*b)->describe(text, sizeof text) != TR_OK) text[0] = 0;
    fprintf(out, "device %s: %s%s%s\n", (*b)->name, (*b)->summary, *text ? "; " : "", text);
  }
}

void commands_version(FILE *out) {
  fprintf(out, "%s %s\n", TR_PROGRAM, program_version());
#ifdef __VERSION__
  fprintf(out, "compiler %s\n", __VERSION__);
#endif
  print_devices(out);
}
