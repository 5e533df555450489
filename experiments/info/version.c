/* transit --version: what this build is made of and what this machine offers. */
#include "core/backend.h"
#include "experiments/commands.h"
#include "experiments/output/machine.h"

static void print_devices(FILE *out) {
  for (const tr_backend *const *b = tr_backends(); *b; b++) {
    char text[1024] = "";
    if ((*b)->describe && (*b)->describe(text, sizeof text) != TR_OK) text[0] = 0;
    fprintf(out, "device %s: %s%s%s\n", (*b)->name, (*b)->summary, *text ? "; " : "", text);
  }
}

static void print_libraries(FILE *out) {
  json_t *libraries = machine_libraries(), *version;
  const char *name;
  json_object_foreach(libraries, name, version) fprintf(out, "%s %s\n", name, json_string_value(version));
  json_decref(libraries);
}

void commands_version(FILE *out) {
  fprintf(out, "%s %s\n", TR_PROGRAM, program_version());
#ifdef __VERSION__
  fprintf(out, "compiler %s\n", __VERSION__);
#endif
  print_libraries(out);
  fprintf(out, "gsl not linked (only the tests use it)\n");
  print_devices(out);
}
