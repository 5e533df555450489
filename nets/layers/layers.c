#include "nets/layers/layers.h"

#include "core/require_private.h"

const tr_array *tr_layer_bias(const tr_layer *layer) {
  return layer && layer->bias.ctx ? &layer->bias : NULL;
}

int64_t tr_layer_out(const tr_layer *layer) {
  if (!layer || !layer->w) return 0;
  return tr_nn_weight_spec_of(layer->w)->out;
}

int64_t tr_layer_in(const tr_layer *layer) {
  if (!layer || !layer->w) return 0;
  return tr_nn_weight_spec_of(layer->w)->in;
}

void tr_layer_clear(tr_layer *layer) {
  if (!layer) return;
  tr_nn_weight_destroy(&layer->w);
  tr_array_destroy(&layer->held);
}

tr_status tr_layer_apply(const tr_array *x, const tr_layer *layer, tr_nn_activation activation, tr_array *y) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, y), x, layer, y);
  return tr_nn_linear(&(tr_nn_linear_args){
      .x = x, .w = layer->w, .bias = tr_layer_bias(layer), .activation = activation, .y = y});
}

tr_status tr_layer_jvp(const tr_array *v, const tr_layer *layer, tr_array *y) {
  TR_REQUIRE(TR_CTX_OF_ANY(v, y), v, layer, y);
  return tr_nn_linear(&(tr_nn_linear_args){.x = v, .w = layer->w, .y = y});
}

tr_status tr_layer_backward(const tr_array *dy, const tr_layer *layer, tr_array *dx) {
  TR_REQUIRE(TR_CTX_OF_ANY(dy, dx), dy, layer, dx);
  return tr_nn_linear(&(tr_nn_linear_args){.x = dy, .w = layer->w, .transposed = true, .y = dx});
}

tr_status tr_layer_backward_act(const tr_array *dy, const tr_layer *layer, tr_nn_activation activation,
                                const tr_array *v, tr_array *dv) {
  TR_REQUIRE(TR_CTX_OF_ANY(dy, v, dv), dy, layer, v, dv);
  return tr_nn_linear(&(tr_nn_linear_args){
      .x = dy, .w = layer->w, .transposed = true, .activation = activation, .slope_at = v, .y = dv});
}

tr_status tr_layer_add_gradient(const tr_layer *layer, const tr_array *x, const tr_array *dy,
                                const tr_net_gradient *gradient) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, dy), layer, x, dy, gradient);
  TR_REQUIRE(TR_CTX_OF_ANY(x, dy), layer->w, gradient->params, gradient->array);
  tr_array dw = tr_params_at(gradient->params, gradient->array, layer->parameter);
  tr_array db = tr_params_at(gradient->params, gradient->array, layer->parameter + 1);
  dw = tr_net_matrix(&dw, tr_layer_out(layer), tr_layer_in(layer));
  return tr_nn_gradient_of_linear(&(tr_nn_gradient_of_linear_args){
      .x = x, .dy = dy, .dw = &dw, .db = &db, .products = tr_nn_weight_spec_of(layer->w)->products});
}

tr_array tr_layer_table_gradient(const tr_layer *layer, const tr_net_gradient *gradient) {
  if (!layer || !gradient) return (tr_array){0};
  return tr_params_at(gradient->params, gradient->array, layer->parameter);
}

tr_status tr_net_activate(tr_nn_activation activation, const tr_array *v, tr_array *y) {
  TR_REQUIRE_ARRAYS(v, y);
  return tr_nn_activate(&(tr_nn_activate_args){.activation = activation, .v = v, .y = y});
}

tr_status tr_net_slope(tr_nn_activation activation, const tr_array *v, tr_array *dv) {
  TR_REQUIRE_ARRAYS(v, dv);
  return tr_nn_activation_backward(
      &(tr_nn_activation_backward_args){.activation = activation, .v = v, .dy = dv, .dv = dv});
}

tr_array tr_net_matrix(const tr_array *buffer, int64_t rows, int64_t cols) {
  if (!buffer) return (tr_array){0};
  return tr_view(buffer, 0, 2, (int64_t[]){rows, cols});
}
