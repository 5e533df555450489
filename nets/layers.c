#include "nets/layers_private.h"

#include <stdio.h>
#include <stdlib.h>

static tr_status upload_tensor(tr_ctx *ctx, const tr_tensor *tensor, tr_array *out) {
  void *host = malloc((size_t)out->count * tr_dtype_size(out->dtype));
  if (!host) return TR_FAIL(ctx, TR_E_MEM, "out of memory for tensor '%s'", tensor->name);
  tr_status status =
      out->dtype == TR_F64 ? tr_tensor_to_f64(ctx, tensor, host) : tr_tensor_to_f32(ctx, tensor, host);
  if (status == TR_OK) status = tr_array_upload(out, host);
  free(host);
  return status;
}

static tr_status read_tensor(tr_weight_source *base, const char *name, tr_array *out) {
  const tr_tensor_source *source = (const tr_tensor_source *)base;
  const tr_tensor *tensor = tr_tensors_find(source->weights, name);
  if (!tensor) return TR_FAIL(source->ctx, TR_E_SHAPE, "the weights lack the tensor '%s'", name);
  if (tensor->count != out->count) {
    char want[96];
    return TR_FAIL(source->ctx, TR_E_SHAPE, "tensor '%s' has %lld elements; %s were expected", name,
                   (long long)tensor->count, tr_array_describe(out, want, sizeof want));
  }
  return upload_tensor(source->ctx, tensor, out);
}

tr_tensor_source tr_tensor_source_of(tr_ctx *ctx, const tr_tensors *weights) {
  return (tr_tensor_source){{read_tensor}, ctx, weights};
}

tr_status tr_weight_load(tr_ctx *ctx, tr_dtype dtype, tr_weight_source *source, const char *name, int ndim,
                         const int64_t *shape, tr_array **out) {
  TR_TRY(tr_array_create(ctx, dtype, ndim, shape, out));
  return source->read(source, name, *out);
}

/* The plain weight lives only while the layer's is made of it. */
static tr_status load_weight(tr_ctx *ctx, const tr_nn_weight_spec *spec, tr_weight_source *source,
                             tr_layer *layer) {
  tr_array *plain = NULL;
  tr_status status = tr_weight_load(ctx, spec->compute, source, layer->weight_name, 2,
                                    (int64_t[]){spec->out, spec->in}, &plain);
  if (status == TR_OK) status = tr_nn_weight_create(ctx, spec, &layer->w);
  if (status == TR_OK) status = tr_nn_weight_set(layer->w, plain);
  tr_array_destroy(&plain);
  return status;
}

tr_status tr_layer_load(tr_ctx *ctx, tr_dtype dtype, tr_weight_source *source, const char *name, int64_t out,
                        int64_t in, tr_layer *layer) {
  const tr_nn_weight_spec spec = {.out = out, .in = in, .storage = dtype, .compute = dtype};
  snprintf(layer->weight_name, sizeof layer->weight_name, "%s.weight", name);
  snprintf(layer->bias_name, sizeof layer->bias_name, "%s.bias", name);
  TR_TRY(load_weight(ctx, &spec, source, layer));
  return tr_weight_load(ctx, dtype, source, layer->bias_name, 1, &out, &layer->bias);
}

tr_status tr_layer_set(tr_layer *layer, const tr_array *weight, const tr_array *bias) {
  TR_TRY(tr_nn_weight_set(layer->w, weight));
  return tr_array_copy(bias, layer->bias);
}

int64_t tr_layer_out(const tr_layer *layer) {
  return tr_nn_weight_spec_of(layer->w)->out;
}

int64_t tr_layer_in(const tr_layer *layer) {
  return tr_nn_weight_spec_of(layer->w)->in;
}

void tr_layer_clear(tr_layer *layer) {
  tr_nn_weight_destroy(&layer->w);
  tr_array_destroy(&layer->bias);
}

tr_status tr_layer_apply(const tr_array *x, const tr_layer *layer, tr_nn_activation activation, tr_array *y) {
  return tr_nn_linear(
      &(tr_nn_linear_args){.x = x, .w = layer->w, .bias = layer->bias, .activation = activation, .y = y});
}

tr_status tr_layer_jvp(const tr_array *v, const tr_layer *layer, tr_array *y) {
  return tr_nn_linear(&(tr_nn_linear_args){.x = v, .w = layer->w, .y = y});
}

tr_status tr_layer_backward(const tr_array *dy, const tr_layer *layer, tr_array *dx) {
  return tr_nn_linear(&(tr_nn_linear_args){.x = dy, .w = layer->w, .transposed = true, .y = dx});
}

tr_status tr_layer_list(tr_layer *layer, int ndim, const int64_t *shape, tr_net_param *params, int *n) {
  const tr_array *bias = layer->bias;
  tr_net_param *out = &params[*n];
  layer->parameter = *n, *n += 2;
  out[0].name = layer->weight_name, out[1].name = layer->bias_name;
  TR_TRY(tr_array_create(bias->ctx, bias->dtype, ndim, shape, &out[0].gradient));
  return tr_array_like(bias, &out[1].gradient);
}

tr_status tr_layer_list_matrix(tr_layer *layer, tr_net_param *params, int *n) {
  return tr_layer_list(layer, 2, (int64_t[]){tr_layer_out(layer), tr_layer_in(layer)}, params, n);
}

tr_status tr_layer_add_gradient(const tr_layer *layer, const tr_array *x, const tr_array *dy,
                                tr_net_param *params) {
  tr_net_param *weight = &params[layer->parameter], *bias = weight + 1;
  tr_array dw = tr_net_matrix(weight->gradient, tr_layer_out(layer), tr_layer_in(layer));
  return tr_nn_gradient_of_linear(
      &(tr_nn_gradient_of_linear_args){.x = x, .dy = dy, .dw = &dw, .db = bias->gradient});
}

tr_status tr_net_activate(tr_nn_activation activation, const tr_array *v, tr_array *y) {
  return tr_nn_activate(&(tr_nn_activate_args){.activation = activation, .v = v, .y = y});
}

tr_status tr_net_slope(tr_nn_activation activation, const tr_array *v, tr_array *dv) {
  return tr_nn_activation_backward(
      &(tr_nn_activation_backward_args){.activation = activation, .v = v, .dy = dv, .dv = dv});
}

tr_array tr_net_matrix(const tr_array *buffer, int64_t rows, int64_t cols) {
  return tr_view(buffer, 0, 2, (int64_t[]){rows, cols});
}
