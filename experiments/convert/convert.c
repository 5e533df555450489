/* transit convert: a checkpoint in the other format. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "nets/checkpoint/checkpoint.h"
#include "nets/checkpoint/write/save.h"

typedef struct {
  const char *in, *out, *weights;
} convert_values;

static const tr_option options[] = {
    {.name = "weights",
     .type = TR_OPTION_TEXT,
     .offset = offsetof(convert_values, weights),
     .metavar = "SET",
     .default_note = "all into a .pt, ema where there is one into a .safetensors",
     .help = "The one set of weights to keep, such as ema or model ('transit inspect' lists them)."},
};

static const tr_option_table table = {
    .program = TR_PROGRAM,
    .name = "convert",
    .summary = "Write a checkpoint in the other format: .pt to .safetensors and back.",
    .details = "Names, shapes, types and bits of the tensors stay. Arguments are kept: in a .pt as `args`, "
               "where texts that are "
               "numbers, True, False or None become these, in a .safetensors as metadata. A .pt without "
               "arguments and with one set "
               "is a bare state dict. The state of an optimiser is left out.",
    .operands = {{.name = "IN",
                  .help = "A .pt or .safetensors checkpoint.",
                  .required = true,
                  .offset = offsetof(convert_values, in)},
                 {.name = "OUT",
                  .help = "A new file, FILE.pt or FILE.safetensors. One that is there is replaced.",
                  .required = true,
                  .offset = offsetof(convert_values, out)}},
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(convert_values)};

enum { MOST_SETS = 16, MOST_ARGS = 1000 };

typedef struct {
  tr_ctx *ctx;
  const convert_values *values;
  tr_checkpoint *checkpoint;
  int n_sets, n_args;
  tr_saved_set sets[MOST_SETS];
  tr_saved_tensor *items[MOST_SETS];
  tr_saved_arg *args; /* (MOST_ARGS) */
} conversion;

/* ---- what there is ---- */

/* A text as the value it spells. */
static tr_saved_arg arg_of(const char *name, const char *text) {
  tr_saved_arg arg = {.name = name, .kind = TR_SAVED_TEXT, .text = text};
  char *end;
  if (strcmp(text, "None") == 0) arg.kind = TR_SAVED_NONE;
  if (strcmp(text, "True") == 0 || strcmp(text, "False") == 0) {
    arg.kind = TR_SAVED_BOOL;
    arg.integer = *text == 'T';
  }
  if (!strchr("+-0123456789", *text) || !*text) return arg;
  errno = 0;
  const long long integer = strtoll(text, &end, 10);
  if (!*end && !errno) {
    arg.kind = TR_SAVED_INT;
    arg.integer = integer;
    return arg;
  }
  const double real = strtod(text, &end);
  if (!*end && isfinite(real)) {
    arg.kind = TR_SAVED_REAL;
    arg.real = real;
  }
  return arg;
}

static tr_status take_args(conversion *c) {
  const char *name, *value;
  c->args = calloc(MOST_ARGS, sizeof *c->args);
  if (!c->args) return TR_FAIL(c->ctx, TR_E_MEM, "out of memory for arguments");
  while (c->n_args < MOST_ARGS && tr_checkpoint_arg_at(c->checkpoint, c->n_args, &name, &value)) {
    c->args[c->n_args] = arg_of(name, value);
    c->n_args++;
  }
  return TR_OK;
}

static tr_status take_set(conversion *c, const char *name) {
  tr_tensors weights;
  TR_TRY(tr_checkpoint_weights(c->ctx, c->checkpoint, name, &weights));
  tr_saved_tensor *items = calloc((size_t)weights.n + 1, sizeof *items);
  if (!items) return TR_FAIL(c->ctx, TR_E_MEM, "out of memory for %d tensors", weights.n);
  c->items[c->n_sets] = items;
  for (int i = 0; i < weights.n; i++)
    items[i] = (tr_saved_tensor){.name = weights.items[i].name, .tensor = &weights.items[i]};
  c->sets[c->n_sets++] = (tr_saved_set){name ? name : "ema", weights.n, items};
  return TR_OK;
}

static bool ends_with(const char *text, const char *ending) {
  const size_t n = strlen(text), m = strlen(ending);
  return n > m && strcmp(text + n - m, ending) == 0;
}

/* All sets, or the one that is wanted; "weights", the only one of a bare file, becomes "ema", which the
 * reference looks for. */
static tr_status take_sets(conversion *c, bool all) {
  if (!all || c->values->weights) return take_set(c, c->values->weights);
  for (int i = 0; i < MOST_SETS && tr_checkpoint_set_name(c->checkpoint, i); i++) {
    const char *name = tr_checkpoint_set_name(c->checkpoint, i);
    TR_TRY(take_set(c, name));
    if (strcmp(name, "weights") == 0) c->sets[i].name = "ema";
  }
  return TR_OK;
}

/* ---- writing ---- */

static tr_status write_torch(conversion *c) {
  const bool bare = c->n_sets == 1 && c->n_args == 0;
  TR_TRY(tr_torch_save(c->ctx, c->values->out,
                       &(tr_saved){.n_sets = c->n_sets,
                                   .sets = c->sets,
                                   .n_args = c->n_args,
                                   .args = bare ? NULL : c->args,
                                   .bare = bare}));
  return TR_OK;
}

static tr_status convert(conversion *c) {
  const char *out = c->values->out;
  const bool torch = ends_with(out, ".pt");
  char in_shown[256], out_shown[256];
  if (!torch && !ends_with(out, ".safetensors"))
    return TR_FAIL(c->ctx, TR_E_ARG, "OUT '%s': its name says the format, FILE.pt or FILE.safetensors",
                   TR_SHOW(out, 200));
  if (strcmp(out, c->values->in) == 0)
    return TR_FAIL(c->ctx, TR_E_ARG, "IN and OUT are both '%s': OUT is a new file", TR_SHOW(out, 200));
  TR_TRY(tr_checkpoint_open(c->ctx, c->values->in, &c->checkpoint));
  TR_TRY(take_sets(c, torch));
  TR_TRY(take_args(c));
  TR_TRY(torch ? write_torch(c) : tr_safetensors_save(c->ctx, out, &c->sets[0], c->n_args, c->args));
  tr_text_show(c->values->in, strlen(c->values->in), in_shown, sizeof in_shown);
  tr_text_show(out, strlen(out), out_shown, sizeof out_shown);
  printf("%s: %d tensors in %d set%s, %d argument%s, from %s\n", out_shown, c->sets[0].n, c->n_sets,
         c->n_sets == 1 ? "" : "s", c->n_args, c->n_args == 1 ? "" : "s", in_shown);
  return TR_OK;
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  (void)parsed;
  conversion c = {.ctx = p->ctx, .values = values};
  tr_status status = convert(&c);
  for (int i = 0; i < c.n_sets; i++) free(c.items[i]);
  free(c.args);
  tr_checkpoint_close(&c.checkpoint);
  return status;
}

const command command_convert = {.table = &table, .run = run};
