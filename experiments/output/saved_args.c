#include "experiments/output/saved_args.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/text.h"
#include "nets/checkpoint/checkpoint_private.h"

/* Whether the text is the number's one spelling, so that it comes back from it. */
static bool spells_integer(const char *text, int64_t *out) {
  char again[24];
  errno = 0;
  *out = strtoll(text, NULL, 10);
  snprintf(again, sizeof again, "%" PRId64, *out);
  return !errno && strcmp(text, again) == 0;
}

static bool spells_real(const char *text, double *out) {
  char again[64] = "";
  *out = strtod(text, NULL);
  FILE *stream = isfinite(*out) ? fmemopen(again, sizeof again, "w") : NULL;
  if (!stream) return false;
  tr_checkpoint_write_real(stream, *out);
  fclose(stream);
  return strcmp(text, again) == 0;
}

tr_saved_arg saved_arg_of(const char *name, const char *text) {
  tr_saved_arg arg = {.name = name, .kind = TR_SAVED_TEXT, .text = text};
  if (strcmp(text, "None") == 0) {
    arg.kind = TR_SAVED_NONE;
  } else if (strcmp(text, "True") == 0 || strcmp(text, "False") == 0) {
    arg.kind = TR_SAVED_BOOL;
    arg.integer = *text == 'T';
  } else if (spells_integer(text, &arg.integer)) {
    arg.kind = TR_SAVED_INT;
  } else if (spells_real(text, &arg.real)) {
    arg.kind = TR_SAVED_REAL;
  }
  return arg;
}

static bool is_among(const char *name, const char *const *names) {
  for (; names && *names; names++)
    if (strcmp(name, *names) == 0) return true;
  return false;
}

tr_status saved_args_of(tr_ctx *ctx, const tr_checkpoint *checkpoint, const char *const *but, int more,
                        int *n, tr_saved_arg **out) {
  const char *name, *value;
  *n = 0;
  *out = calloc(TR_MAX_ARGS + (size_t)more, sizeof **out);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for arguments");
  for (int i = 0; i < TR_MAX_ARGS && tr_checkpoint_arg_at(checkpoint, i, &name, &value); i++)
    if (!is_among(name, but)) (*out)[(*n)++] = saved_arg_of(name, value);
  return TR_OK;
}

bool saved_is_same_file(const char *a, const char *b) {
  struct stat first, second;
  return strcmp(a, b) == 0 || (stat(a, &first) == 0 && stat(b, &second) == 0 &&
                               first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

tr_status saved_format(tr_ctx *ctx, const char *out, bool *torch) {
  *torch = tr_text_ends_with(out, ".pt");
  if (*torch || tr_text_ends_with(out, ".safetensors")) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "OUT '%s': its name says the format, FILE.pt or FILE.safetensors",
                 TR_SHOW(out, 200));
}
