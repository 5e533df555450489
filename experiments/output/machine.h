/* What this build is linked with and what it runs on, as JSON: for run.json and --version. */
#ifndef TR_EXPERIMENTS_OUTPUT_MACHINE_H
#define TR_EXPERIMENTS_OUTPUT_MACHINE_H

#include <jansson.h>

#include "core/backend.h"

json_t *machine_libraries(void); /* {"sundials": "6.4.1", ...} */
json_t *
machine_processor(const tr_backend *backend); /* kernels, engines and processor features in one line */

/* The most memory so far, in MiB: that arrays have held on the device, that was taken of a device with memory
 * of its own (0: it has none), and that the process has had resident (NaN where the system does not tell). */
double machine_peak_arrays(const tr_ctx *ctx);
double machine_peak_device(const tr_ctx *ctx);
double machine_peak_resident(void);
void machine_print_memory(const tr_ctx *ctx); /* those that there are, as a line of a summary */

/* TR_E_MEM of what a run asks for at once: "out of memory: 23.8 GiB are needed for 100000000 samples: lower
 * --num-samples"; what: "samples", option: "num-samples". */
tr_status machine_lacks_memory(tr_ctx *ctx, double bytes, int64_t n, const char *what, const char *option);

#endif
