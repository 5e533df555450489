/* Times the forward and input VJP of SiT, see tests/support/nets/bench_network.h. */
#include "tests/support/nets/bench_network.h"

int main(int argc, char **argv) {
  return bench_network("bench_vjp", BENCH_VJP, argc, argv);
}
