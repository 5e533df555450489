/* The program `transit`. */
#include <stdlib.h>
#include <unistd.h>

#include "experiments/commands.h"

/* Threads that wait by spinning make a busy machine crawl (measured: 30 times slower beside other work), and
 * the OpenMP runtime reads its policy before main: so the program starts itself once more with the policy
 * set. */
static void wait_passively(char **argv) {
  if (getenv("OMP_WAIT_POLICY") || setenv("OMP_WAIT_POLICY", "passive", 1) != 0) return;
  execv("/proc/self/exe", argv); /* on failure the run goes on as it is */
}

int main(int argc, char **argv) {
  wait_passively(argv);
  return commands_main(argc, argv, NULL);
}
