/* Times SiT networks with random weights on latents of 4 channels, 32 x 32 or --side N, the best of several
 * runs: their forward, the forward with its input VJP, or a training step (draws, forward, backward, AdamW,
 * one average). A run ends when the device is done. processor_ms is the time that a run had of the
 * processors, on average, over the threads: what a busy machine moves least. NAME [--device NAME] [--model
 * S/2,...] [--batch 1,8] [--side N] [--dtype f32|f64|bf16|tf32] [--weights wide|bf16]
 * [--threads N] [--runs N] [--seconds S] [--by step|op]; --by op adds a table of the network operations
 * (op_times.h), on the processor */
#ifndef TR_TESTS_SUPPORT_NETS_BENCH_NETWORK_H
#define TR_TESTS_SUPPORT_NETS_BENCH_NETWORK_H

typedef enum { BENCH_FORWARD, BENCH_VJP, BENCH_TRAIN } bench_kind;

/* The whole program `name`; returns its status. */
int bench_network(const char *name, bench_kind kind, int argc, char **argv);

#endif
