#include "nets/layers/entries_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/layers/weights.h"

/* ---- tensors of an entry ---- */

static bool is_conv(const tr_net_entry *entry) {
  return entry->kind == TR_ENTRY_CONV || entry->kind == TR_ENTRY_BARE_CONV ||
         entry->kind == TR_ENTRY_NORMED_CONV;
}

/* Tensors of a convolution with a norm. */
enum { CONV_WEIGHT, NORM_WEIGHT, NORM_BIAS, NORM_MEAN, NORM_VARIANCE, NORMED_PARTS };
static const char *const normed_parts[NORMED_PARTS] = {".conv.weight", ".bn.weight", ".bn.bias",
                                                       ".bn.running_mean", ".bn.running_var"};

bool tr_entry_is_weight(const tr_net_entry *entry) {
  return entry->kind == TR_ENTRY_LAYER || is_conv(entry);
}

int tr_entry_parts(const tr_net_entry *entry) {
  if (entry->kind == TR_ENTRY_NORMED_CONV) return NORMED_PARTS;
  return entry->kind == TR_ENTRY_LAYER || entry->kind == TR_ENTRY_CONV ? 2 : 1;
}

void tr_entry_part(const tr_net_entry *entry, int part, tr_expected *out) {
  bool weight = tr_entry_is_weight(entry);
  *out = (tr_expected){.bias = part > 0, .ndim = part > 0 ? 1 : entry->ndim};
  for (int i = 0; i < out->ndim; i++) out->shape[i] = entry->shape[i];
  out->flat = is_conv(entry) && !out->bias && out->shape[2] == 1 && out->shape[3] == 1;
  const char *ending = !weight ? "" : part ? ".bias" : ".weight";
  if (entry->kind == TR_ENTRY_NORMED_CONV) ending = normed_parts[part];
  out->one = entry->start == TR_START_ONE ||
             (entry->kind == TR_ENTRY_NORMED_CONV && (part == NORM_WEIGHT || part == NORM_VARIANCE));
  snprintf(out->name, sizeof out->name, "%s%s", entry->name, ending);
}

/* A layer's weight as (out, in), a table as rows of its last extent; a bias as it is. */
static void matrix_shape(const tr_net_entry *entry, const tr_expected *tensor, int *ndim, int64_t shape[2]) {
  const bool weight = tr_entry_is_weight(entry);
  int64_t count = 1, one = weight ? tensor->shape[0] : tensor->shape[tensor->ndim - 1];
  for (int i = 0; i < tensor->ndim; i++) count *= tensor->shape[i];
  *ndim = tensor->bias ? 1 : 2;
  shape[0] = tensor->bias || weight ? one : count / one;
  shape[1] = count / shape[0];
}

/* ---- sources ---- */

static tr_status upload_tensor(tr_ctx *ctx, const tr_tensor *tensor, tr_array *out) {
  void *host = malloc((size_t)out->count * tr_dtype_size(out->dtype));
  if (!host) return TR_FAIL(ctx, TR_E_MEM, "out of memory for tensor '%s'", tensor->name);
  tr_status status =
      out->dtype == TR_F64 ? tr_tensor_to_f64(ctx, tensor, host) : tr_tensor_to_f32(ctx, tensor, host);
  if (status == TR_OK) status = tr_array_upload(out, host);
  free(host);
  return status;
}

/* A table that its kind makes of the sizes. */
static tr_status make_table(const void *sizes, const tr_net_entry *entry, tr_array *out) {
  double *host = malloc((size_t)out->count * sizeof *host);
  if (!host) return TR_FAIL(out->ctx, TR_E_MEM, "out of memory for the weights '%s'", entry->name);
  entry->fill(sizes, host);
  tr_status status = tr_array_set_f64(out, host);
  free(host);
  return status;
}

static tr_status read_tensor(tr_weight_source *base, const tr_net_entry *entry, const tr_expected *want,
                             tr_array *out) {
  const tr_tensor_source *source = (const tr_tensor_source *)base;
  const tr_tensor *tensor = tr_weights_tensor(source->weights, source->config->type, want->name);
  if (!tensor && tr_weights_can_make(entry)) return make_table(source->config->sizes, entry, out);
  if (!tensor) return TR_FAIL(source->ctx, TR_E_SHAPE, "the weights lack the tensor '%s'", want->name);
  if (tensor->count != out->count) {
    char text[96];
    return TR_FAIL(source->ctx, TR_E_SHAPE, "tensor '%s' has %lld elements; %s were expected", want->name,
                   (long long)tensor->count, tr_array_describe(out, text, sizeof text));
  }
  return upload_tensor(source->ctx, tensor, out);
}

static bool tensor_is_bf16(tr_weight_source *base, const tr_expected *want) {
  const tr_tensor_source *source = (const tr_tensor_source *)base;
  const tr_tensor *tensor = tr_weights_tensor(source->weights, source->config->type, want->name);
  return tensor && tensor->dtype == TR_BF16;
}

tr_tensor_source tr_tensor_source_of(tr_ctx *ctx, const tr_tensors *weights, const tr_net_config *config) {
  return (tr_tensor_source){{read_tensor, tensor_is_bf16}, ctx, weights, config};
}

static tr_random_address next_address(tr_random_source *source) {
  return (tr_random_address){.seed = source->seed, .purpose = TR_RANDOM_WEIGHTS, .step = source->tensors++};
}

static tr_status normals(const tr_random_address *address, double scale, tr_array *out) {
  TR_TRY(tr_randn(address, out));
  return tr_scale(scale, out, out);
}

/* Matrices keep the size of what passes through; vectors and tables are small, or near 1 where they begin
 * there. */
static tr_status read_random(tr_weight_source *base, const tr_net_entry *entry, const tr_expected *tensor,
                             tr_array *out) {
  const tr_random_address address = next_address((tr_random_source *)base);
  bool matrix = tr_entry_is_weight(entry) && !tensor->bias;
  TR_TRY(normals(&address, matrix ? 1 / sqrt((double)out->shape[1]) : 0.1, out));
  return !matrix && tensor->one ? tr_map(TR_MAP_ADDC, 1, out, NULL, out) : TR_OK;
}

/* `out` uniform in +- bound, made on the host. */
static tr_status uniforms(const tr_net_entry *entry, const tr_random_address *address, tr_array *out) {
  double *host = malloc((size_t)out->count * sizeof *host);
  if (!host) return TR_FAIL(out->ctx, TR_E_MEM, "out of memory for the weights '%s'", entry->name);
  const int64_t rows = out->shape[0], cols = out->shape[1];
  const double bound = sqrt(6 / (double)(rows + cols));
  for (int64_t i = 0; i < out->count; i++)
    host[i] = bound * (2 * tr_random_uniform(address, (uint64_t)(i / cols), (uint32_t)(i % cols)) - 1);
  tr_status status = tr_array_set_f64(out, host);
  free(host);
  return status;
}

static tr_status read_initial(tr_weight_source *base, const tr_net_entry *entry, const tr_expected *tensor,
                              tr_array *out) {
  tr_random_source *source = (tr_random_source *)base;
  const tr_random_address address = next_address(source);
  if (tensor->one) return tr_fill(1, out);
  if (tensor->bias || entry->start == TR_START_ZERO) return tr_fill(0, out);
  if (entry->start == TR_START_NORMAL) return normals(&address, entry->scale, out);
  if (entry->start == TR_START_FILL) return make_table(source->sizes, entry, out);
  return uniforms(entry, &address, out);
}

static bool never_bf16(tr_weight_source *source, const tr_expected *tensor) {
  (void)source, (void)tensor;
  return false;
}

tr_random_source tr_random_source_of(const void *sizes, tr_net_start start, uint64_t seed) {
  return (tr_random_source){
      {start == TR_NET_RANDOM ? read_random : read_initial, never_bf16}, sizes, seed, 0};
}

/* ---- parameters and layers ---- */

static int count_entries(const tr_net *net, int *tensors) {
  tr_net_entry entry;
  int n = 0;
  for (*tensors = 0; net->type->entry(net->sizes, n, &entry); n++) *tensors += tr_entry_parts(&entry);
  return n;
}

/* The parameters of all entries, whose layers learn their places. */
static tr_status list_parameters(tr_net *net, tr_expected *tensors, tr_param_entry *list, int *n) {
  tr_net_entry entry;
  *n = 0;
  for (int i = 0; net->type->entry(net->sizes, i, &entry); i++) {
    net->layers[i].parameter = *n;
    for (int part = 0; part < tr_entry_parts(&entry); part++, ++*n) {
      tr_expected *tensor = &tensors[*n];
      tr_entry_part(&entry, part, tensor);
      list[*n] = (tr_param_entry){
          .name = tensor->name, .ndim = tensor->ndim, .frozen = entry.kind == TR_ENTRY_FIXED};
      for (int d = 0; d < tensor->ndim; d++) list[*n].shape[d] = tensor->shape[d];
    }
  }
  return TR_OK;
}

static tr_status open_parameters(tr_net *net, int tensors) {
  tr_expected *names = calloc((size_t)tensors, sizeof *names);
  tr_param_entry *list = calloc((size_t)tensors, sizeof *list);
  int n = 0;
  tr_status status = names && list ? list_parameters(net, names, list, &n)
                                   : TR_FAIL(net->ctx, TR_E_MEM, "out of memory for %d names", tensors);
  if (status == TR_OK) status = tr_params_create(net->ctx, net->dtype, n, list, &net->params);
  free(names), free(list);
  return status;
}

/* Views of the parameters in the shape in which they are used. */
static tr_array parameter(const tr_net *net, const tr_net_entry *entry, const tr_layer *layer,
                          const tr_expected *tensor) {
  tr_array value = tr_params_value(net->params, layer->parameter + tensor->bias);
  matrix_shape(entry, tensor, &value.ndim, value.shape);
  return value;
}

/* Memory for one tensor: of the parameters, of the layer (bias or table), or *own for as long as it is being
 * packed. */
static tr_status provide(tr_net *net, const tr_net_entry *entry, tr_layer *layer, const tr_expected *tensor,
                         tr_array **own, tr_array *out) {
  int ndim;
  int64_t shape[2];
  if (net->params) {
    *out = parameter(net, entry, layer, tensor);
    return TR_OK;
  }
  matrix_shape(entry, tensor, &ndim, shape);
  bool packed = tr_entry_is_weight(entry) && !tensor->bias;
  tr_array **to = packed ? own : &layer->held;
  TR_TRY(tr_array_create(net->ctx, net->dtype, ndim, shape, to));
  *out = **to;
  out->owned = false;
  return TR_OK;
}

/* The backend's weight of values (out, in). That of a convolution is kept as it is multiplied. */
static tr_status make_weight(const tr_net *net, const tr_net_entry *entry, bool found_bf16,
                             const tr_array *values, tr_layer *layer) {
  const bool conv = is_conv(entry);
  const bool half = !conv && (net->products == TR_NN_BF16 || net->storage == TR_WEIGHTS_BF16 ||
                              (net->storage == TR_WEIGHTS_AS_FOUND && found_bf16 && !net->params));
  const tr_nn_weight_spec spec = {
      .out = values->shape[0],
      .in = values->shape[1],
      .storage = half ? TR_BF16 : net->dtype,
      .compute = net->dtype,
      .products = conv && net->products == TR_NN_BF16 ? TR_NN_FULL : net->products,
      .rows = net->type->rows ? net->type->rows(net->sizes, (int)(layer - net->layers)) : 0,
      .taps = conv ? entry->shape[2] * entry->shape[3] : 0};
  TR_TRY(tr_nn_weight_create(net->ctx, &spec, &layer->w));
  return tr_nn_weight_set(layer->w, values);
}

static tr_status load_tensor(tr_net *net, const tr_net_entry *entry, int part, tr_layer *layer,
                             tr_weight_source *source) {
  tr_expected tensor;
  tr_array *own = NULL, values;
  tr_entry_part(entry, part, &tensor);
  tr_status status = provide(net, entry, layer, &tensor, &own, &values);
  if (status == TR_OK) status = source->read(source, entry, &tensor, &values);
  if (status == TR_OK) {
    if (!tr_entry_is_weight(entry))
      layer->table = values;
    else if (tensor.bias)
      layer->bias = values;
    else
      status = make_weight(net, entry, source->is_bf16(source, &tensor), &values, layer);
  }
  tr_array_destroy(&own);
  return status;
}

/* ---- a convolution and its norm ---- */

/* The numbers of a tensor in double; *out is malloc'd. */
static tr_status read_numbers(tr_net *net, const tr_net_entry *entry, int part, tr_weight_source *source,
                              double **out) {
  tr_expected tensor;
  tr_array *values = NULL;
  int ndim;
  int64_t shape[2];
  tr_entry_part(entry, part, &tensor);
  matrix_shape(entry, &tensor, &ndim, shape);
  TR_TRY(tr_array_create(net->ctx, TR_F64, ndim, shape, &values));
  tr_status status = source->read(source, entry, &tensor, values);
  *out = malloc((size_t)values->count * sizeof **out);
  if (status == TR_OK && !*out)
    status = TR_FAIL(net->ctx, TR_E_MEM, "out of memory for tensor '%s'", tensor.name);
  if (status == TR_OK) status = tr_array_get_f64(values, *out);
  tr_array_destroy(&values);
  return status;
}

/* weight (out, row) and bias (out), in the place of the convolution's and of the norm's. */
static tr_status fold(const tr_net *net, const tr_net_entry *entry, int64_t row,
                      double *const part[NORMED_PARTS]) {
  for (int64_t o = 0; o < entry->shape[0]; o++) {
    const double variance = part[NORM_VARIANCE][o] + entry->scale;
    if (!(variance > 0))
      return TR_FAIL(net->ctx, TR_E_NONFINITE, "tensor '%s%s' has %g at %lld: a variance is not below 0",
                     entry->name, normed_parts[NORM_VARIANCE], part[NORM_VARIANCE][o], (long long)o);
    const double factor = part[NORM_WEIGHT][o] / sqrt(variance);
    for (int64_t i = 0; i < row; i++) part[CONV_WEIGHT][o * row + i] *= factor;
    part[NORM_BIAS][o] -= factor * part[NORM_MEAN][o];
  }
  return TR_OK;
}

/* Rounded to the network's type. */
static tr_status keep_folded(tr_net *net, const tr_net_entry *entry, int64_t row, double *const *part,
                             tr_layer *layer) {
  tr_array *weight = NULL;
  TR_TRY(tr_array_create(net->ctx, net->dtype, 1, entry->shape, &layer->held));
  layer->bias = *layer->held;
  layer->bias.owned = false;
  TR_TRY(tr_array_set_f64(layer->held, part[NORM_BIAS]));
  TR_TRY(tr_array_create(net->ctx, net->dtype, 2, (int64_t[]){entry->shape[0], row}, &weight));
  tr_status status = tr_array_set_f64(weight, part[CONV_WEIGHT]);
  if (status == TR_OK) status = make_weight(net, entry, false, weight, layer);
  tr_array_destroy(&weight);
  return status;
}

static tr_status load_normed(tr_net *net, const tr_net_entry *entry, tr_layer *layer,
                             tr_weight_source *source) {
  double *part[NORMED_PARTS] = {NULL};
  const int64_t row = entry->shape[1] * entry->shape[2] * entry->shape[3];
  tr_status status = TR_OK;
  for (int i = 0; i < NORMED_PARTS && status == TR_OK; i++)
    status = read_numbers(net, entry, i, source, &part[i]);
  if (status == TR_OK) status = fold(net, entry, row, part);
  if (status == TR_OK) status = keep_folded(net, entry, row, part, layer);
  for (int i = 0; i < NORMED_PARTS; i++) free(part[i]);
  return status;
}

static tr_status load_entry(tr_net *net, const tr_net_entry *entry, tr_layer *layer,
                            tr_weight_source *source) {
  if (entry->kind == TR_ENTRY_NORMED_CONV) {
    if (!net->params) return load_normed(net, entry, layer, source);
    return TR_FAIL(net->ctx, TR_E_UNSUPPORTED, "the network %s cannot be trained: '%s' has fixed statistics",
                   net->type->info.name, entry->name);
  }
  for (int part = 0; part < tr_entry_parts(entry); part++)
    TR_TRY(load_tensor(net, entry, part, layer, source));
  return TR_OK;
}

tr_status tr_entries_load(tr_net *net, bool trained, tr_weight_source *source) {
  tr_net_entry entry;
  int tensors;
  net->n_layers = count_entries(net, &tensors);
  net->layers = calloc((size_t)net->n_layers, sizeof *net->layers);
  if (!net->layers) return TR_FAIL(net->ctx, TR_E_MEM, "out of memory for %d layers", net->n_layers);
  if (trained) TR_TRY(open_parameters(net, tensors));
  for (int i = 0; net->type->entry(net->sizes, i, &entry); i++) {
    TR_TRY(load_entry(net, &entry, &net->layers[i], source));
  }
  return TR_OK;
}

void tr_entries_clear(tr_net *net) {
  for (int i = 0; net->layers && i < net->n_layers; i++) tr_layer_clear(&net->layers[i]);
  free(net->layers);
  tr_params_destroy(&net->params);
}

tr_status tr_entries_refresh(tr_net *net) {
  tr_net_entry entry;
  for (int i = 0; net->type->entry(net->sizes, i, &entry); i++) {
    if (!tr_entry_is_weight(&entry)) continue;
    tr_expected tensor;
    tr_entry_part(&entry, 0, &tensor);
    tr_array weight = parameter(net, &entry, &net->layers[i], &tensor);
    TR_TRY(tr_nn_weight_set(net->layers[i].w, &weight));
  }
  return TR_OK;
}
