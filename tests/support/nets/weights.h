/* Weights of networks on the host, to be looked at and moved by tests. */
#ifndef TR_TESTS_SUPPORT_NETS_WEIGHTS_H
#define TR_TESTS_SUPPORT_NETS_WEIGHTS_H

#include "nets/checkpoint/tensors.h"

enum { WEIGHTS_MOST = 40 };

typedef struct {
  int n;
  tr_tensor items[WEIGHTS_MOST];
  char names[WEIGHTS_MOST][64];
  double *data[WEIGHTS_MOST];
} weights;

weights *weights_create(void); /* none yet */
void weights_free(weights *w);

/* One more tensor of normals, addressed by its place, times `scale`. */
void weights_add(tr_ctx *ctx, weights *w, const char *name, int ndim, const int64_t *shape, double scale);

/* Those of an MLP in the order of nets/mlp/mlp.c; label_rows 0: unconditional. */
typedef struct {
  int64_t dim, hidden, depth, frequencies, label_rows;
} weights_mlp_sizes;
weights *weights_of_mlp(tr_ctx *ctx, const weights_mlp_sizes *sizes);

tr_tensors weights_tensors(const weights *w);
/* Place of the tensor of this name; ends the program if there is none. */
int weights_index(const weights *w, const char *name);

#endif
