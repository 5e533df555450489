/* Arguments from a file beside a checkpoint: what is taken, in which spelling, and what is refused. */
#include <stdlib.h>

#include "nets/checkpoint/checkpoint_private.h"
#include "tests/support/check.h"
#include "tests/support/damage.h"
#include "tests/support/scratch.h"

#define FILES TR_TEST_DATA "/checkpoints/"

static tr_ctx *ctx;

static tr_checkpoint *open_file(const char *path) {
  tr_checkpoint *checkpoint;
  CHECK_OK(ctx, tr_checkpoint_open(ctx, path, &checkpoint));
  return checkpoint;
}

static int count(const tr_checkpoint *checkpoint) {
  const char *name, *value;
  int n = 0;
  while (tr_checkpoint_arg_at(checkpoint, n, &name, &value)) n++;
  return n;
}

/* The block has exactly the text's size, so that AddressSanitizer sees a read past its end. */
static tr_status add(tr_checkpoint *checkpoint, const char *text, size_t size) {
  unsigned char *bytes = malloc(size ? size : 1);
  memcpy(bytes, text, size);
  const tr_file_map map = {.data = size ? bytes : NULL, .size = size, .path = (char *)"m.pt.json"};
  tr_status status = tr_checkpoint_read_args(ctx, checkpoint, &map);
  free(bytes);
  return status;
}

static void check_arg(const tr_checkpoint *checkpoint, const char *name, const char *want, const char *file) {
  const char *have = tr_checkpoint_arg(checkpoint, name), *from = tr_checkpoint_arg_file(checkpoint, name);
  CHECK(have && strcmp(have, want) == 0);
  CHECK(from && strcmp(from, file) == 0);
}

/* ---- what is taken ---- */

static void spelled(void) {
  static const char text[] =
      "{\"model\": \"SiT-digits\", \"num_heads\": 4, \"lr\": 1e-4, \"third\": 0.3333333333333333, \"whole\": "
      "2.0,\n"
      " \"big\": -9223372036854775808, \"yes\": true, \"no\": false, \"none\": null, \"empty\": \"\",\n"
      " \"note\": \"two\\nlines \xc3\xa9\"}\n";
  static const char *const want[][2] = {{"model", "SiT-digits"},
                                        {"num_heads", "4"},
                                        {"lr", "0.0001"},
                                        {"third", "0.3333333333333333"},
                                        {"whole", "2"},
                                        {"big", "-9223372036854775808"},
                                        {"yes", "True"},
                                        {"no", "False"},
                                        {"none", "None"},
                                        {"empty", ""},
                                        {"note", "two?lines \xc3\xa9"}};
  const int n = sizeof want / sizeof *want;
  tr_checkpoint *checkpoint = open_file(FILES "bare.pt");
  CHECK(count(checkpoint) == 0 && tr_checkpoint_arg_file(checkpoint, "num_heads") == NULL);
  write_whole(scratch("args.json"), text, sizeof text - 1);
  CHECK_OK(ctx, tr_checkpoint_add_args(ctx, checkpoint, scratch("args.json")));
  CHECK(count(checkpoint) == n);
  for (int i = 0; i < n; i++) check_arg(checkpoint, want[i][0], want[i][1], scratch("args.json"));
  /* The same once more, and one more, from another file. */
  CHECK_OK(ctx, add(checkpoint, text, sizeof text - 1));
  CHECK_OK(ctx, add(checkpoint, "{\"more\": 1}", 11));
  CHECK(count(checkpoint) == n + 1);
  check_arg(checkpoint, "num_heads", "4", scratch("args.json"));
  check_arg(checkpoint, "more", "1", "m.pt.json");
  CHECK_OK(ctx, add(checkpoint, "{}", 2));
  tr_checkpoint_close(&checkpoint);
}

/* Lists and objects are recorded as they stand; a byte-order mark is no part of the text. */
static void nested(void) {
  static const char text[] =
      "\xef\xbb\xbf{\"betas\": [0.9, 0.999], \"opt\": {\"lr\": 1e-4, \"a\": \"\\u009b\"}}";
  tr_checkpoint *checkpoint = open_file(FILES "bare.pt");
  CHECK_OK(ctx, add(checkpoint, text, sizeof text - 1));
  CHECK(count(checkpoint) == 2);
  check_arg(checkpoint, "betas", "[0.9, 0.999]", "m.pt.json");
  check_arg(checkpoint, "opt", "{lr: 0.0001, a: ?}", "m.pt.json");
  tr_checkpoint_close(&checkpoint);
}

/* A training file has arguments of its own: what agrees with them is no second argument. */
static void beside_training_file(void) {
  tr_checkpoint *checkpoint = open_file(FILES "train.pt");
  const int n = count(checkpoint);
  static const char same[] =
      "{\"path_type\": \"GVP\", \"num_classes\": 3, \"lr\": 0.0001, \"learn_sigma\": true, "
      "\"train_eps\": null, \"num_heads\": 4}";
  CHECK_OK(ctx, add(checkpoint, same, sizeof same - 1));
  CHECK(count(checkpoint) == n + 1);
  check_arg(checkpoint, "path_type", "GVP", FILES "train.pt");
  check_arg(checkpoint, "num_heads", "4", "m.pt.json");
  static const char other[] = "{\"more\": 1, \"path_type\": \"VP\"}";
  CHECK_ERROR(ctx, add(checkpoint, other, sizeof other - 1), TR_E_IO,
              "'m.pt.json' says path_type = VP, but '" FILES "train.pt' says GVP");
  CHECK(count(checkpoint) == n + 1 && !tr_checkpoint_arg(checkpoint, "more"));
  CHECK_ERROR(ctx, add(checkpoint, "{\"num_heads\": 8}", 16), TR_E_IO,
              "'m.pt.json' says num_heads = 8, but 'm.pt.json' says 4");
  CHECK_ERROR(ctx, add(checkpoint, "{\"num_classes\": \"None\"}", 23), TR_E_IO, "says num_classes = None");
  tr_checkpoint_close(&checkpoint);
}

/* ---- what is refused ---- */

static void refused(const char *text, size_t size, const char *word) {
  tr_checkpoint *checkpoint = open_file(FILES "bare.pt");
  CHECK_ERROR(ctx, add(checkpoint, text, size), TR_E_IO, word);
  CHECK(count(checkpoint) == 0);
  tr_checkpoint_close(&checkpoint);
}

static void malformed(void) {
  static const struct {
    const char *text, *word;
  } bad[] = {{"", "'m.pt.json' is empty: use one JSON object"},
             {" ", "'m.pt.json', line 1, column 1: "},
             {"num_heads: 4", "'m.pt.json', line 1, column 3: '[' or '{' expected"},
             {"{\"num_heads\": 4", "line 1, column 15: "},
             {"{\n  \"num_heads\": 4,\n}", "line 3, column 1: "},
             {"{\"num_heads\": 4}\n{}", "line 2, column 1: end of file expected"},
             {"{\"num_heads\": 4} x", "end of file expected"},
             {"{\"num_heads\": four}", "line 1, column 18: invalid token"},
             {"{\"num_heads\": 04}", "invalid token"},
             {"{\"num_heads\": NaN}", "invalid token"},
             {"{\"num_heads\": -}", "invalid token"},
             {"{\"num_heads\": 99999999999999999999}", "too big integer"},
             {"{\"lr\": 1e999}", "real number overflow"},
             {"{'num_heads': 4}", "line 1, column 2: "},
             {"{num_heads: 4}", "line 1, column 4: string or '}' expected"},
             {"{\"num_heads\": 4, \"num_heads\": 4}", "duplicate object key"},
             {"{\"note\": \"two\nlines\"}", "line 1, column 13: unexpected newline"},
             {"{\"note\": \"\\x\"}", "invalid escape"},
             {"{\"note\": \"\\ud800\"}", "invalid Unicode"},
             {"{\"note\": \"\\u0000\"}", "\\u0000 is not allowed"},
             {"{\"note\": \"\xff\"}", "unable to decode byte 0xff"},
             {"\xef\xbb{}", "unable to decode byte 0xef"},
             {"4", "'[' or '{' expected"},
             {"\"num_heads\"", "'[' or '{' expected"},
             {"null", "'[' or '{' expected"},
             {"[]", "'m.pt.json' holds an array: use one object of arguments"},
             {"[{\"num_heads\": 4}]", "holds an array"},
             {"{\"\": 4}", "the name \"\" is not 1 to 255 printable"},
             {"{\"a\\nb\": 4}", "the name \"a?b\" is not 1 to 255 printable"},
             {"{\"t\xc3\xa9te\": 4}", "is not 1 to 255 printable"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    refused(bad[i].text, strlen(bad[i].text), bad[i].word);
  refused("{\"note\": \"a\0b\"}", 15, "line 1, column 11: ");
}

/* {"NAME": "TEXT"} with a name and a text of these lengths. */
static void long_entry(int name, int text, const char *word) {
  char *json = malloc((size_t)(name + text) + 16);
  int size = sprintf(json, "{\"%0*d\": \"%0*d\"}", name, 0, text, 0);
  if (word) {
    refused(json, (size_t)size, word);
  } else {
    tr_checkpoint *checkpoint = open_file(FILES "bare.pt");
    CHECK_OK(ctx, add(checkpoint, json, (size_t)size));
    CHECK(count(checkpoint) == 1);
    tr_checkpoint_close(&checkpoint);
  }
  free(json);
}

static void too_large(void) {
  long_entry(255, 4096, NULL);
  long_entry(256, 1, "is not 1 to 255 printable");
  long_entry(1, 4097, "the text of '0' has 4097 bytes: use at most 4096");
  char *json = malloc(TR_MAX_ARG_FILE + 1);
  memset(json, ' ', TR_MAX_ARG_FILE + 1);
  json[0] = '{', json[1] = '}';
  refused(json, TR_MAX_ARG_FILE + 1, "'m.pt.json' has 65537 bytes: a file of arguments has at most 65536");
  memset(json, '[', TR_MAX_ARG_FILE);
  refused(json, TR_MAX_ARG_FILE, "maximum parsing depth reached");
  int size = 0;
  for (int i = 0; i <= TR_MAX_ARGS; i++) size += sprintf(json + size, "%s\"%d\":%d", i ? "," : "{", i, i);
  size += sprintf(json + size, "}");
  refused(json, (size_t)size, "more than 1000 arguments");
  free(json);
}

static void no_file(void) {
  tr_checkpoint *checkpoint = open_file(FILES "bare.pt");
  CHECK_ERROR(ctx, tr_checkpoint_add_args(ctx, checkpoint, scratch("none.json")), TR_E_IO, "No such file");
  CHECK_ERROR(ctx, tr_checkpoint_add_args(ctx, checkpoint, FILES), TR_E_IO, "is a directory");
  CHECK_ERROR(ctx, tr_checkpoint_add_args(ctx, checkpoint, "/dev/null"), TR_E_IO, "not a regular file");
  CHECK_ERROR(ctx, tr_checkpoint_add_args(ctx, checkpoint, FILES "bare.pt"), TR_E_IO, "line 1, column ");
  CHECK(count(checkpoint) == 0);
  tr_checkpoint_close(&checkpoint);
}

/* ---- damage ---- */

static tr_status read_damaged(const unsigned char *bytes, size_t size, void *user) {
  const tr_file_map map = {.data = bytes, .size = size, .path = (char *)"m.pt.json"};
  tr_checkpoint *checkpoint = user;
  tr_status status = tr_checkpoint_read_args(ctx, checkpoint, &map);
  CHECK(status == TR_OK || count(checkpoint) == 0);
  tr_checkpoint_drop_args(checkpoint, 0);
  return status;
}

static void damaged(void) {
  static const char text[] =
      "{\"model\": \"SiT-\\u00e9\", \"num_heads\": 4, \"lr\": 1.5e-4, \"learn_sigma\": true, "
      "\"loss_weight\": null, \"note\": \"\xe2\x82\xac\"}";
  tr_checkpoint *checkpoint = open_file(FILES "bare.pt");
  const unsigned char *bytes = (const unsigned char *)text;
  damage_truncate(ctx, bytes, sizeof text - 1, read_damaged, checkpoint, TR_E_IO);
  CHECK(damage_flip(ctx, bytes, sizeof text - 1, read_damaged, checkpoint) > 0);
  CHECK(damage_mutate(ctx, bytes, sizeof text - 1, 5000, read_damaged, checkpoint) > 0);
  tr_checkpoint_close(&checkpoint);
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  spelled();
  nested();
  beside_training_file();
  malformed();
  too_large();
  no_file();
  damaged();
  tr_ctx_close(&ctx);
  return check_report();
}
