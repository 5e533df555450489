/* Parameters: one array that owns the values of all parameters of a network, with a name and a shape for
 * each. Gradients, moments of an optimiser and averages are further arrays of the same layout
 * (tr_params_like), so that a step of the optimiser, a norm, an average over time or over ranks is one
 * operation on whole arrays.
 *
 * The layout: those that are trained come first, in the order of the list, then the frozen ones, so that what
 * is trained is one contiguous front (tr_params_trained). Every parameter begins at a multiple of 64 bytes.
 * The gaps are 0 in every array of the layout and stay 0 under whatever maps 0 to 0, as gradient steps,
 * averages and sums do; tr_fill with another constant, or tr_randn, belongs on the view of one parameter. */
#ifndef TR_CORE_PARAMS_H
#define TR_CORE_PARAMS_H

#include "core/array.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *name; /* 1 character at least */
  int ndim;         /* 1 .. TR_MAX_DIMS */
  int64_t shape[TR_MAX_DIMS];
  bool frozen; /* no step changes it */
} tr_param_entry;

typedef struct tr_params tr_params;

/* Room for n >= 1 parameters, all values 0, in f32 or f64. Names are copied. TR_E_ARG: a name that is missing
 * or there twice; TR_E_SHAPE: an extent below 1, or sizes that overflow. The caller destroys it. */
TR_API tr_status tr_params_create(tr_ctx *ctx, tr_dtype dtype, int n, const tr_param_entry *entries,
                                  tr_params **out);
/* Frees and sets *params to NULL; NULL is fine. Views of its values die with it, further arrays of its layout
 * do not. */
TR_API void tr_params_destroy(tr_params **params);

/* How many there are, and the i-th in the order of the list, 0 <= i < n. Borrowed. */
TR_API int tr_params_n(const tr_params *params);
TR_API const tr_param_entry *tr_params_entry(const tr_params *params, int i);
/* The number of the parameter of this name, -1: there is none. */
TR_API int tr_params_find(const tr_params *params, const char *name);
/* Elements of all parameters, or of those that are trained; gaps are not counted. */
TR_API int64_t tr_params_count(const tr_params *params, bool trained_only);

/* All values, one array (1 dimension). Borrowed. */
TR_API tr_array *tr_params_values(const tr_params *params);
/* A new array of the layout, all 0: for gradients, moments, averages. The caller destroys it. */
TR_API tr_status tr_params_like(const tr_params *params, tr_array **out);

/* The value of the i-th parameter in its shape: a view of the values. */
TR_API tr_array tr_params_value(const tr_params *params, int i);
/* The same of another array of the layout; the empty view of one that is not (TR_E_SHAPE), and of a parameter
 * that there is not (TR_E_ARG). */
TR_API tr_array tr_params_at(const tr_params *params, const tr_array *array, int i);
/* The front of an array of the layout that holds what is trained, gaps included; of 0 elements when
 * everything is frozen. */
TR_API tr_array tr_params_trained(const tr_params *params, const tr_array *array);
/* TR_E_SHAPE unless the array has this layout: one dimension, as many elements, the same type and context.
 * `what` names it in the message ("the gradient"). */
TR_API tr_status tr_params_check(const tr_params *params, const tr_array *array, const char *what);

#ifdef __cplusplus
}
#endif

#endif
