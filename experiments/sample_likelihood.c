#include "experiments/sample_likelihood.h"

#include <stdlib.h>
#include <string.h>

static const struct {
  const char *sample, *likelihood;
} spellings[] = {{"--init", "--data"}, {"--num-samples", "--num"}, {"--sampling-method", "--method"}};

/* The word in the other command's spelling, "--name=value" with its value; malloc'd, NULL without memory. */
static char *translated(const char *word) {
  const char *from = "", *to = "";
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
    size_t length = strlen(spellings[i].sample);
    if (strncmp(word, spellings[i].sample, length) != 0 || (word[length] && word[length] != '=')) continue;
    from = spellings[i].sample;
    to = spellings[i].likelihood;
  }
  size_t size = strlen(to) + strlen(word) - strlen(from) + 1;
  char *out = malloc(size);
  if (out) snprintf(out, size, "%s%s", to, word + strlen(from));
  return out;
}

static bool asks(int argc, char *const *argv) {
  if (argc < 2 || strcmp(argv[0], "ODE") != 0) return false;
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--likelihood") == 0) return true;
  return false;
}

const command *sample_instead(int argc, char *const *argv, int *n_args, char ***args) {
  int n = 0;
  if (!asks(argc, argv)) return NULL;
  *args = calloc((size_t)argc, sizeof **args);
  for (int i = 1; *args && i < argc; i++)
    if (strcmp(argv[i], "--likelihood") != 0) (*args)[n++] = translated(argv[i]);
  *n_args = n;
  return &command_likelihood;
}
