/* The program run within a test, with modules of the test's own, and what it says. */
#ifndef TR_TESTS_SUPPORT_SAID_H
#define TR_TESTS_SUPPORT_SAID_H

#include <stdio.h>
#include <string.h>

#include "experiments/common/program.h"
#include "tests/support/check.h"

/* The exit status of "transit LINE", LINE cut at blanks, with these modules besides; said is then what it
 * wrote on stdout and stderr. */
int said_by(program_modules own, const char *line);
/* said becomes a file that a run wrote; as a record: blanks and line ends taken out. */
void said_file(const char *path);
void said_record(const char *path);

extern char said[1 << 16];

#define SAYS(text)                                                                                           \
  do {                                                                                                       \
    CHECK(strstr(said, text) != NULL);                                                                       \
    if (!strstr(said, text)) fprintf(stderr, "  '%s' is not in '%s'\n", text, said);                         \
  } while (0)

#endif
