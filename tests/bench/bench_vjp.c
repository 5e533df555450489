/* Times the forward and input VJP of SiT, see tests/support/bench_network.h. */
#include "tests/support/bench_network.h"

int main(int argc, char **argv) {
  return bench_network("bench_vjp", true, argc, argv);
}
