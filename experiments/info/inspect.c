/* transit inspect: what a checkpoint holds. */
#include <string.h>

#include <jansson.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/input/net_params.h"
#include "experiments/output/run_record.h"
#include "nets/layers/weights.h"
#include "nets/network.h"

typedef struct {
  const char *file, *weights;
  bool json;
} inspect_values;

static const tr_option options[] = {
    {.name = "weights",
     .type = TR_OPTION_TEXT,
     .offset = offsetof(inspect_values, weights),
     .metavar = "ema|model|NAME",
     .default_note = "ema where there is one",
     .help = "Which set of weights to describe: ema, model, or a name that is printed."},
    {.name = "json", .type = TR_OPTION_FLAG, .offset = offsetof(inspect_values, json), .help = "Print JSON."},
};

/* What is trained, and apart from it the tables that are made and not trained. */
static json_t *set_to_json(const tr_model *m, const tr_tensors *tensors) {
  json_int_t parameters = 0, fixed = 0, bytes = 0;
  tr_net_entry entry;
  for (int k = 0; k < tensors->n; k++) {
    const tr_tensor *t = &tensors->items[k];
    const bool table = tr_weights_is_table(&m->config, t->name, &entry);
    *(table ? &fixed : &parameters) += t->count;
    bytes += t->count * (json_int_t)tr_dtype_size(t->dtype);
  }
  return json_pack("{s:i, s:I, s:I, s:I}", "tensors", tensors->n, "parameters", parameters, "fixed", fixed,
                   "bytes", bytes);
}

/* Sets that cannot be used say why. */
static json_t *sets_to_json(tr_ctx *ctx, const tr_model *m, tr_status *status) {
  json_t *sets = json_object();
  const char *name;
  for (int i = 0; *status == TR_OK && (name = tr_checkpoint_set_name(m->checkpoint, i)); i++) {
    tr_tensors tensors = {0};
    const char *problem = tr_checkpoint_set_problem(m->checkpoint, i);
    if (!problem) *status = tr_checkpoint_weights(ctx, m->checkpoint, name, &tensors);
    json_object_set_new(
        sets, name, problem ? json_pack("{s:o}", "problem", record_text(problem)) : set_to_json(m, &tensors));
  }
  return sets;
}

/* Names, shapes and element types of weights that are of no known network. */
static json_t *tensors_to_json(const tr_tensors *tensors) {
  json_t *list = json_array();
  for (int i = 0; i < tensors->n; i++) {
    const tr_tensor *t = &tensors->items[i];
    json_t *shape = json_array();
    for (int d = 0; d < t->ndim; d++) json_array_append_new(shape, json_integer(t->shape[d]));
    json_array_append_new(list, json_pack("{s:s, s:o, s:s}", "name", t->name, "shape", shape, "type",
                                          t->foreign ? t->foreign : tr_dtype_name(t->dtype)));
  }
  return list;
}

static json_t *args_to_json(const tr_model *m) {
  json_t *args = json_object();
  const char *name, *value;
  for (int i = 0; tr_checkpoint_arg_at(m->checkpoint, i, &name, &value); i++)
    json_object_set_new(args, name, json_string(value));
  return args;
}

static json_t *network_to_json(const tr_model *m) {
  if (!m->config.type)
    return json_pack("{s:n, s:o, s:o}", "kind", "unknown", record_text(m->unknown), "tensors",
                     tensors_to_json(&m->weights));
  json_t *json = json_object();
  tr_net_fact fact;
  json_object_set_new(json, "kind", json_string(tr_net_config_kind(&m->config)));
  for (int i = 0; tr_net_config_fact(&m->config, i, &fact); i++)
    json_object_set_new(json, fact.key,
                        fact.kind == TR_NET_NONE   ? json_null()
                        : fact.kind == TR_NET_FLAG ? json_boolean(fact.value)
                                                   : json_integer(fact.value));
  return json;
}

static void print_sets(json_t *sets, const char *in_use) {
  const char *name;
  json_t *set;
  json_object_foreach(sets, name, set) {
    const long long fixed = json_integer_value(json_object_get(set, "fixed"));
    char tables[64] = "";
    const bool alone = strcmp(name, "weights") == 0; /* of a bare state dict */
    const char *problem = json_string_value(json_object_get(set, "problem"));
    if (problem) {
      printf("weights %s: cannot be used: %s\n", name, problem);
      continue;
    }
    if (fixed) snprintf(tables, sizeof tables, " and a table of %lld", fixed);
    printf("weights%s%s: %lld tensors, %lld parameters%s, %.1f MB%s\n", alone ? "" : " ", alone ? "" : name,
           (long long)json_integer_value(json_object_get(set, "tensors")),
           (long long)json_integer_value(json_object_get(set, "parameters")), tables,
           (double)json_integer_value(json_object_get(set, "bytes")) / 1e6,
           strcmp(name, in_use) == 0 ? " (in use)" : "");
  }
}

/* What tensors do not tell, and who told it. */
static void print_told(const tr_model *m) {
  tr_net_fact fact;
  for (int i = 0; tr_net_config_fact(&m->config, i, &fact); i++) {
    if (!fact.param) continue;
    const bool by_arg = tr_model_told_by(m, fact.param) == TR_TOLD_BY_ARG;
    const bool named = m->config.type->names != NULL;
    if (fact.kind == TR_NET_NONE)
      printf("%s: unknown, the file does not tell: give %s, or %s in FILE.json beside it\n", fact.key,
             net_params_option(fact.param), fact.param);
    else if (by_arg || named)
      printf("%s: %ld (from args %s)\n", fact.key, fact.value, by_arg ? fact.param : "model");
    else
      printf("%s: %ld (the usual value: the file does not tell)\n", fact.key, fact.value);
  }
}

static void print_tensors(const tr_tensors *tensors) {
  char shape[128];
  for (int i = 0; i < tensors->n; i++) {
    const tr_tensor *t = &tensors->items[i];
    printf("  %s %s %s\n", t->name, tr_shape_text(t->ndim, t->shape, shape, sizeof shape),
           t->foreign ? t->foreign : tr_dtype_name(t->dtype));
  }
}

static void print_unknown(const tr_model *m) {
  printf("network: not known, so it cannot be sampled: %s\ntensors of %s:\n", m->unknown, m->set);
  print_tensors(&m->weights);
}

static void print_network(const tr_model *m) {
  const tr_net_info *info = &m->config.info;
  char text[400];
  printf("network: %s\n", tr_net_config_say(&m->config, text, sizeof text));
  print_told(m);
  if (!(m->config.type->caps & TR_NET_FIELD)) return;
  if (info->num_classes == 0)
    printf("classes: none");
  else
    printf("classes: %d", info->num_classes);
  if (info->null_class >= 0) printf(" and the null class %d", info->null_class);
  putchar('\n');
}

static void print_args(const tr_model *m) {
  const char *name, *value;
  if (!tr_checkpoint_arg_at(m->checkpoint, 0, &name, &value)) puts("args: none");
  for (int i = 0; tr_checkpoint_arg_at(m->checkpoint, i, &name, &value); i++) {
    const char *file = tr_checkpoint_arg_file(m->checkpoint, name);
    bool beside = m->args_file && strcmp(file, m->args_file) == 0;
    printf("args %s = %s%s%s%s\n", name, value, beside ? " (from " : "", beside ? TR_SHOW(file, 4095) : "",
           beside ? ")" : "");
  }
}

static tr_status describe(program *p, const inspect_values *v, const tr_model *m) {
  tr_status status = TR_OK;
  json_t *sets = sets_to_json(p->ctx, m, &status);
  if (status == TR_OK && v->json) {
    json_t *all = json_pack("{s:o, s:s, s:O, s:s, s:o, s:o, s:o}", "file", record_text(v->file), "format",
                            tr_checkpoint_format(m->checkpoint), "weights", sets, "in_use", m->set, "network",
                            network_to_json(m), "args", args_to_json(m), "args_file", record_args_file(m));
    if (!all || json_dumpf(all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) != 0)
      status = TR_FAIL(p->ctx, TR_E_MEM, "out of memory for the JSON of '%s'", v->file);
    else
      putchar('\n');
    json_decref(all);
  } else if (status == TR_OK) {
    printf("file: %s\nformat: %s\n", TR_SHOW(v->file, 4095), tr_checkpoint_format(m->checkpoint));
    print_sets(sets, m->set);
    if (m->config.type)
      print_network(m);
    else
      print_unknown(m);
    print_args(m);
  }
  json_decref(sets);
  return status;
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  (void)parsed;
  const inspect_values *v = values;
  tr_model *m;
  tr_status status =
      tr_model_open(p->ctx, v->file, &(tr_model_options){.weights = v->weights, .open = true}, &m);
  if (status == TR_OK) status = describe(p, v, m);
  tr_model_close(&m);
  return status;
}

static const tr_option_table table = {
    .program = TR_PROGRAM,
    .name = "inspect",
    .summary = "Say what a checkpoint holds: weight sets, network, training arguments.",
    .operands = {{.name = "FILE",
                  .help = "A .pt or .safetensors checkpoint. Nothing in it is executed. FILE.json beside it "
                          "supplies arguments.",
                  .required = true,
                  .offset = offsetof(inspect_values, file)}},
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(inspect_values)};

const command command_inspect = {.table = &table, .run = run};
