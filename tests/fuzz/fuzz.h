/* What the fuzz targets share. A target is a file fuzz_NAME.c with LLVMFuzzerTestOneInput; its seeds are
 * made by seeds.py. Built by clang with -DTRANSIT_FUZZ=ON; `sh tests/run.sh fuzz` runs each for a while. */
#ifndef TR_TESTS_FUZZ_FUZZ_H
#define TR_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "core/context.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One context for all runs, on the CPU, with every module. */
tr_ctx *fuzz_context(void);

/* The path of a regular file that holds these bytes until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* A folder of this process alone, removed at its end; a file in it that holds these bytes, whose path lives
 * until the next call; and its removal. */
const char *fuzz_folder(void);
const char *fuzz_file_in(const char *name, const uint8_t *data, size_t size);
void fuzz_remove_in(const char *name);

/* A refusal must say why, in one line that a terminal may be shown; it is then forgotten. What breaks this
 * ends the program as a finding. */
void fuzz_check(tr_status status);

#endif
