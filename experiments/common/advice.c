#include "experiments/common/advice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the library says, '#' a number; the option that the advice needs, NULL: none; and the advice, '@' the
 * option. Of several that say the same the first whose option is there counts. */
static const struct {
  const char *says, *option, *advice;
} rules[] = {
    {": loosen rtol = # or raise max_steps", "rtol", ": loosen --@"},
    {": loosen rtol = # or raise max_steps", NULL, ""},
    {": loosen rtol = #, atol = # or raise max_steps", "sde-rtol", ": loosen --@ or --atol"},
    {": loosen rtol = #, atol = # or raise max_steps", "rtol", ": loosen --@ or --atol"},
    {"without meeting rtol = #, atol = #", "sde-rtol", "without meeting its tolerance: loosen --@ or --atol"},
    {"without meeting rtol = #, atol = #", "rtol", "without meeting its tolerance: loosen --@ or --atol"},
    {"loosen rtol = #, or look", "rtol", "loosen --@, or look"},
    {"loosen rtol = #, or look", NULL, "look"},
    {"has no first step h0: leave it 0", "first-step", "has no first step: leave --@ away"},
    {"has no max_order: leave it 0", "max-order", "has no order to bound: leave --@ away"},
    {"use a last step, a sample eps above 0, or", "sample-eps", "use a last step, a --@ above 0, or"},
    {"use a last step, a sample eps above 0, or", NULL, "use a last step, or"},
    {"use the clock angle or auto", "clock", "use --@ angle or auto"},
    {"use fewer rows at a time", "accumulate", "raise --@ for fewer rows at a time"},
    {"use fewer rows at a time", "batch-size", "lower --@"},
    {"use fewer rows at a time", "num-samples", "lower --@"},
    {"begin at an eps above 0", "dequant-eps", "take a --@ above 0"},
    {"images of size", "image-size", "images of --@"},
    {": image_size says what size", "image-size", ": --@ says what size"},
    {": use multiples of it", "latent-size", ": give --@ H,W in multiples of it"},
    {" has no state of AdamW under 'opt'", "init-weights",
     " has no state of AdamW under 'opt': --@ begins with its weights"},
    {": its model family is dit", "model-family", ": --@ dit opens it as one"},
};
#define N_RULES (sizeof rules / sizeof *rules)

/* How much of text the pattern matches, from its beginning; 0: it does not. */
static size_t matched(const char *pattern, const char *text) {
  const char *at = text;
  for (; *pattern; pattern++) {
    char *end = (char *)at + 1;
    if (*pattern == '#')
      strtod(at, &end);
    else if (*pattern != *at)
      return 0;
    if (end == at) return 0;
    at = end;
  }
  return (size_t)(at - text);
}

static const char *option_of(const advice_reader *reader, const char *option) {
  if (!option) return "";
  if (reader->rtol && strstr(option, "rtol")) return reader->rtol;
  return tr_option_row(reader->table, reader->mode, option) < 0 ? NULL : option;
}

/* Replaces `length` bytes at `at` within text. */
static void replace(char *text, size_t size, char *at, size_t length, const char *advice,
                    const char *option) {
  char *rest = strdup(at + length);
  if (!rest) return;
  int named = (int)strcspn(advice, "@");
  snprintf(at, size - (size_t)(at - text), "%.*s%s%s%s", named, advice, advice[named] ? option : "",
           advice[named] ? advice + named + 1 : "", rest);
  free(rest);
}

void advice_translate(const advice_reader *reader, char *text, size_t size) {
  for (char *at = text; *at; at++)
    for (size_t i = 0; i < N_RULES; i++) {
      const char *option = option_of(reader, rules[i].option);
      size_t length = option ? matched(rules[i].says, at) : 0;
      if (!length) continue;
      replace(text, size, at, length, rules[i].advice, option);
      return;
    }
}

tr_status advice_error(tr_ctx *ctx, tr_status status, const advice_reader *reader) {
  if (status == TR_OK || !ctx) return status;
  tr_error error = *tr_ctx_error(ctx);
  advice_translate(reader, error.message, sizeof error.message);
  tr_ctx_clear(ctx);
  return tr_ctx_latch(ctx, status, error.file, error.line, "%s", error.message);
}
