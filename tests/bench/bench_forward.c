/* Times the forward of SiT, see tests/support/nets/bench_network.h. */
#include "tests/support/nets/bench_network.h"

int main(int argc, char **argv) {
  return bench_network("bench_forward", BENCH_FORWARD, argc, argv);
}
