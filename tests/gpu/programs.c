/* The tests and benches of a device as one program: gpu_tests NAME ARGUMENT..., or --list. Each was compiled
 * with its main under its own name. */
#include <stdio.h>
#include <string.h>

#define PROGRAM(name) int name(int argc, char **argv);
#include "tests/gpu/programs.inc"
#undef PROGRAM

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} programs[] = {
#define PROGRAM(name) {#name, name},
#include "tests/gpu/programs.inc"
#undef PROGRAM
};
enum { PROGRAMS = sizeof programs / sizeof *programs };

int main(int argc, char **argv) {
  if (argc > 1)
    for (int i = 0; i < PROGRAMS; i++)
      if (strcmp(programs[i].name, argv[1]) == 0) return programs[i].run(argc - 1, argv + 1);
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (int i = 0; i < PROGRAMS; i++) puts(programs[i].name);
    return 0;
  }
  fprintf(stderr, "usage: %s --list | NAME ARGUMENT...\n", argv[0]);
  return 2;
}
