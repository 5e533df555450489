/* Times the forward of SiT, see tests/support/bench_network.h. */
#include "tests/support/bench_network.h"

int main(int argc, char **argv) {
  return bench_network("bench_forward", false, argc, argv);
}
