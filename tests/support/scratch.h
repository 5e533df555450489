/* Files of tests: a scratch folder per program, whole files in memory. */
#ifndef TR_TESTS_SCRATCH_H
#define TR_TESTS_SCRATCH_H

#include <stddef.h>

/* The path of `name` in this program's scratch folder (made on first use, below $TMPDIR or /tmp; removed with
 * all it holds when the program ends). The text is overwritten by the fourth call from now. */
const char *scratch(const char *name);

/* Number of entries in the scratch folder: 0 shows that a failed write left nothing behind. */
int scratch_entries(void);

/* A file's content, malloc'd to its exact size so that AddressSanitizer sees a read past its end. Ends the
 * program when the file cannot be read. */
unsigned char *read_whole(const char *path, size_t *size);
void write_whole(const char *path, const void *bytes, size_t size);

#endif
