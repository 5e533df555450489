/* transit convert: a checkpoint in the other format. */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/output/saved_args.h"
#include "nets/checkpoint/checkpoint_private.h"

typedef struct {
  const char *in, *out, *weights;
  bool bare;
} convert_values;

static const tr_option options[] = {
    {.name = "weights",
     .type = TR_OPTION_TEXT,
     .offset = offsetof(convert_values, weights),
     .metavar = "SET",
     .default_note = "all into a .pt, ema where there is one into a .safetensors",
     .help = "The one set of weights to keep, such as ema or model ('transit inspect' lists them)."},
    {.name = "bare",
     .type = TR_OPTION_FLAG,
     .offset = offsetof(convert_values, bare),
     .help = "Into a .pt: the tensors of one set alone, a bare state dict without arguments."},
};

static const tr_option_table table = {
    .program = TR_PROGRAM,
    .name = "convert",
    .summary = "Write a checkpoint in the other format: .pt to .safetensors and back.",
    .details = "Names, shapes, types and bits of the tensors stay. Arguments are kept, those of IN.json too: "
               "in a .pt as `args`, where texts that are exactly how a number, True, False or None is "
               "spelled become these, in a .safetensors as metadata. A .pt without "
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

typedef struct {
  tr_ctx *ctx;
  const convert_values *values;
  tr_checkpoint *checkpoint;
  int n_sets, n_args;
  tr_saved_set sets[TR_MAX_SETS];
  tr_saved_tensor *items[TR_MAX_SETS];
  tr_saved_arg *args; /* (TR_MAX_ARGS) */
  char *beside;       /* FILE.json of the input, or NULL */
} conversion;

/* ---- what there is ---- */

static tr_status take_args(conversion *c) {
  TR_TRY(tr_checkpoint_add_args_beside(c->ctx, c->checkpoint, c->values->in, &c->beside));
  return saved_args_of(c->ctx, c->checkpoint, NULL, 0, &c->n_args, &c->args);
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

/* All sets, or the one that is wanted; "weights", the only one of a bare file, becomes "ema", which the
 * reference looks for. */
static tr_status take_sets(conversion *c, bool all) {
  if (!all || c->values->weights || c->values->bare) return take_set(c, c->values->weights);
  for (int i = 0; i < TR_MAX_SETS && tr_checkpoint_set_name(c->checkpoint, i); i++) {
    const char *name = tr_checkpoint_set_name(c->checkpoint, i);
    TR_TRY(take_set(c, name));
    if (strcmp(name, "weights") == 0) c->sets[i].name = "ema";
  }
  return TR_OK;
}

/* ---- writing ---- */

static tr_status write_torch(conversion *c) {
  const bool bare = c->values->bare || (c->n_sets == 1 && c->n_args == 0);
  TR_TRY(tr_torch_save(c->ctx, c->values->out,
                       &(tr_saved){.n_sets = c->n_sets,
                                   .sets = c->sets,
                                   .n_args = bare ? 0 : c->n_args,
                                   .args = bare ? NULL : c->args,
                                   .bare = bare}));
  return TR_OK;
}

/* OUT under another spelling, or a link, would take the input's place. */
static tr_status check_out(const conversion *c) {
  const char *out = c->values->out, *shard;
  if (saved_is_same_file(out, c->values->in))
    return TR_FAIL(c->ctx, TR_E_ARG, "IN and OUT are both '%s': OUT is a new file", TR_SHOW(out, 200));
  for (int i = 0; (shard = tr_checkpoint_shard(c->checkpoint, i)); i++)
    if (saved_is_same_file(out, shard))
      return TR_FAIL(c->ctx, TR_E_ARG, "OUT '%s' is one of the files of IN: OUT is a new file",
                     TR_SHOW(out, 200));
  return TR_OK;
}

static void say(const conversion *c) {
  char in[256], out[256], beside[272] = "";
  tr_text_show(c->values->in, strlen(c->values->in), in, sizeof in);
  tr_text_show(c->values->out, strlen(c->values->out), out, sizeof out);
  if (c->beside) tr_text_show(c->beside, strlen(c->beside), beside, sizeof beside);
  printf("%s: %d tensors in %d set%s, %d argument%s, from %s%s%s\n", out, c->sets[0].n, c->n_sets,
         c->n_sets == 1 ? "" : "s", c->n_args, c->n_args == 1 ? "" : "s", in, *beside ? " and " : "", beside);
}

static tr_status convert(conversion *c) {
  const char *out = c->values->out;
  bool torch;
  TR_TRY(saved_format(c->ctx, out, &torch));
  if (c->values->bare && !torch)
    return TR_FAIL(c->ctx, TR_E_ARG, "--bare is of FILE.pt, not of '%s'", TR_SHOW(out, 200));
  TR_TRY(tr_checkpoint_open(c->ctx, c->values->in, &c->checkpoint));
  TR_TRY(check_out(c));
  TR_TRY(take_sets(c, torch));
  if (!c->values->bare) TR_TRY(take_args(c));
  TR_TRY(torch ? write_torch(c) : tr_safetensors_save(c->ctx, out, &c->sets[0], c->n_args, c->args));
  say(c);
  return TR_OK;
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  (void)parsed;
  conversion c = {.ctx = p->ctx, .values = values};
  tr_status status = convert(&c);
  for (int i = 0; i < c.n_sets; i++) free(c.items[i]);
  free(c.args);
  free(c.beside);
  tr_checkpoint_close(&c.checkpoint);
  return status;
}

const command command_convert = {.table = &table, .run = run};
