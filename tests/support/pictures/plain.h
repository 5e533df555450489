/* The operations on pictures by their definition, element by element in double, on the host. Each gives what
 * the result's array holds afterwards, in memory that the caller frees. */
#ifndef TR_TESTS_PLAIN_H
#define TR_TESTS_PLAIN_H

#include "core/nn/nn.h"

/* kernel: the weight's values (out, C taps). What y holds is kept where nothing is written. */
double *plain_conv2d(const tr_nn_conv2d_args *args, const tr_array *kernel);
/* The same sums with each term's and each addend's magnitude: what rounding is to be measured by. */
double *plain_conv2d_size(const tr_nn_conv2d_args *args, const tr_array *kernel);
double *plain_group_norm(const tr_nn_group_norm_args *args);
double *plain_affine(const tr_nn_affine_args *args);
double *plain_pool2d(const tr_nn_pool2d_args *args);
double *plain_resize2d(const tr_nn_resize2d_args *args);

#endif
