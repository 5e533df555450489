#include "tests/support/said.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "experiments/commands.h"
#include "tests/support/scratch.h"

enum { WORDS = 40 };
char said[1 << 16];

/* Everything that is written to `number` goes to the end of a file until it is put back. */
static int divert(int number, const char *path) {
  int kept = dup(number), file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  CHECK(kept >= 0 && file >= 0 && dup2(file, number) >= 0);
  close(file);
  return kept;
}

static void put_back(int number, int kept) {
  dup2(kept, number);
  close(kept);
}

void said_file(const char *path) {
  size_t size;
  unsigned char *text = read_whole(path, &size);
  size_t kept = size < sizeof said ? size : sizeof said - 1;
  memcpy(said, text, kept);
  said[kept] = 0;
  free(text);
}

void said_record(const char *path) {
  char *to = said;
  said_file(path);
  for (const char *from = said; *from; from++)
    if (*from != ' ' && *from != '\n') *to++ = *from;
  *to = 0;
}

int said_by(program_modules own, const char *line) {
  char copy[1024], *rest = copy, *words[WORDS] = {"transit"};
  const char *path = scratch("said");
  int n = 1;
  snprintf(copy, sizeof copy, "%s", line);
  for (char *word; n < WORDS - 1 && (word = strtok_r(rest, " ", &rest));) words[n++] = word;
  fflush(stdout);
  int out = divert(STDOUT_FILENO, path), err = divert(STDERR_FILENO, path);
  int status = commands_main(n, words, own);
  fflush(stdout);
  put_back(STDOUT_FILENO, out);
  put_back(STDERR_FILENO, err);
  said_file(path);
  return status;
}
