/* Times SiT networks with random weights on 32 x 32 x 4 latents, the best of several runs: their forward, or
 * the forward with its input VJP.
 * NAME [--model S/2,...] [--batch 1,8] [--dtype f32|f64] [--weights wide|bf16] [--threads N] [--runs N]
 * [--seconds S] */
#ifndef TR_TESTS_SUPPORT_NETS_BENCH_NETWORK_H
#define TR_TESTS_SUPPORT_NETS_BENCH_NETWORK_H

#include <stdbool.h>

/* The whole program `name`; returns its status. */
int bench_network(const char *name, bool vjp, int argc, char **argv);

#endif
