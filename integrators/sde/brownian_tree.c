/* The virtual Brownian tree. Time is u in [0, 1] over the tree's interval. The two numbers of a query [s, t],
 *   dW = int_s^t dW_u   and   (t - s) H = int_s^t (m - u) dW_u,  m = (s + t) / 2,
 * are integrals against dW, so they add up over the nodes, and each is linear in the pair (W, H) of a
 * node: a query is one operation, sums of normals with factors made here. */
#include <math.h>

#include "core/random.h"
#include "core/require_private.h"
#include "core/vec/vec.h"
#include "integrators/sde/brownian_private.h"

#define FINEST 0x1p40 /* times are multiples of 1 / FINEST */

/* The ends of a query cut two nodes a level; and the root. */
#define MAX_TERMS (2 * TR_TREE_DEPTH + 1)
_Static_assert(MAX_TERMS <= TR_RANDN_TERMS, "a query is one sum");

enum { INCREMENT, MOMENT, INTEGRALS }; /* the sums of a query */

typedef struct { /* of each integral in the W and H of a node */
  double w[INTEGRALS], h[INTEGRALS];
} share;

typedef struct {
  double from, to, middle;
  int n;
  tr_randn_term terms[MAX_TERMS]; /* a node is a step; both normals in each integral */
} query;

/* Below the finest nodes W_u = v W + 6 v (1 - v) H, v in [0, 1] over the node: the values at v of the
 * primitives of the two integrals. */
static share parabola(const query *q, double start, double length, double v) {
  double lever = q->middle - start;
  return (share){
      .w = {v, lever * v - length * v * v / 2},
      .h = {6 * v * (1 - v), 6 * (lever * v * (1 - v) - length * v * v * (0.5 - 2 * v / 3))},
  };
}

static share part_of_leaf(const query *q, double start, double length) {
  share high = parabola(q, start, length, fmin(1, (q->to - start) / length));
  share low = parabola(q, start, length, fmax(0, (q->from - start) / length));
  for (int i = 0; i < INTEGRALS; i++) high.w[i] -= low.w[i], high.h[i] -= low.h[i];
  return high;
}

/* Through the bridge from the two halves of a node to the node: notes what its own normals contribute. */
static share join(query *q, uint32_t node, double length, share left, share right) {
  share whole;
  tr_randn_term *own = &q->terms[q->n++];
  own->step = node;
  for (int i = 0; i < INTEGRALS; i++) {
    double difference = left.w[i] - right.w[i], sum = left.h[i] + right.h[i];
    whole.w[i] = (left.w[i] + right.w[i]) / 2;
    whole.h[i] = 1.5 * difference + sum / 4;
    own->factor[i][0] = (difference - sum / 2) * sqrt(length / 16);
    own->factor[i][1] = (left.h[i] - right.h[i]) * sqrt(length / 48);
  }
  return whole;
}

static share descend(query *q, uint32_t node, int depth, double start, double length) {
  double end = start + length, centre = start + length / 2;
  if (q->to <= start || q->from >= end) return (share){{0}, {0}};
  if (q->from <= start && q->to >= end) return (share){{1, q->middle - centre}, {0, length}};
  if (depth == TR_TREE_DEPTH) return part_of_leaf(q, start, length);
  share left = descend(q, 2 * node, depth + 1, start, length / 2);
  share right = descend(q, 2 * node + 1, depth + 1, centre, length / 2);
  return join(q, node, length, left, right);
}

/* The root: node 0 has the normals of the whole interval, node 1 is its first split. */
static void ask(query *q, double from, double to) {
  *q = (query){.from = from, .to = to, .middle = (from + to) / 2};
  share all = descend(q, 1, 0, 0, 1);
  tr_randn_term *root = &q->terms[q->n++];
  root->step = 0;
  for (int i = 0; i < INTEGRALS; i++)
    root->factor[i][0] = all.w[i], root->factor[i][1] = all.h[i] * sqrt(1.0 / 12);
}

/* From the integrals to the standard normals of the increment and of the area. */
static void normalise(query *q) {
  const double h = q->to - q->from, of[INTEGRALS] = {1 / sqrt(h), sqrt(12 / h) / h};
  for (int k = 0; k < q->n; k++)
    for (int i = 0; i < INTEGRALS; i++)
      for (int j = 0; j < 2; j++) q->terms[k].factor[i][j] *= of[i];
}

static tr_status over(const tr_brownian *path, double from, double to, tr_array *z, tr_array *z2) {
  double span = path->t1 - path->t0;
  double s = round((from - path->t0) / span * FINEST) / FINEST,
         t = round((to - path->t0) / span * FINEST) / FINEST;
  if (!(s >= 0 && s < t && t <= 1))
    return TR_FAIL(path->ctx, TR_E_ARG,
                   "a Brownian tree from t = %.10g to %.10g has no interval from %.10g to %.10g", path->t0,
                   path->t1, from, to);
  query q;
  ask(&q, s, t);
  normalise(&q);
  return tr_randn_sums(&(tr_randn_sums_args){
      .address = {.seed = path->seed, .purpose = TR_RANDOM_TREE, .sample = path->first_sample},
      .second = TR_RANDOM_TREE2,
      .n = q.n,
      .term = q.terms,
      .z = {z, z2}});
}

tr_status tr_brownian_create_tree(tr_ctx *ctx, uint64_t seed, uint64_t first_sample, double t0, double t1,
                                  tr_brownian **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, out);
  if (!isfinite(t0) || !isfinite(t1) || !(t0 < t1))
    return TR_FAIL(ctx, TR_E_ARG, "a Brownian tree from t = %g to %g: use finite times that increase", t0,
                   t1);
  return tr_brownian_create(
      ctx, (tr_brownian){.over = over, .seed = seed, .first_sample = first_sample, .t0 = t0, .t1 = t1}, out);
}
