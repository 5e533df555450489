/* Times a training step of SiT, see tests/support/nets/bench_network.h. */
#include "tests/support/nets/bench_network.h"

int main(int argc, char **argv) {
  return bench_network("bench_train", BENCH_TRAIN, argc, argv);
}
