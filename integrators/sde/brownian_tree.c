/* The virtual Brownian tree. Time is u in [0, 1] over the tree's interval. The two numbers of a query [s, t],
 *   dW = int_s^t dW_u   and   (t - s) H = int_s^t (m - u) dW_u,  m = (s + t) / 2,
 * are integrals against dW, so they add up over the nodes, and each is linear in the pair (W, H) of a
 * node. */
#include <math.h>

#include "core/random.h"
#include "core/require_private.h"
#include "core/vec/program.h"
#include "core/vec/vec.h"
#include "integrators/sde/brownian_private.h"

#define FINEST 0x1p40 /* times are multiples of 1 / FINEST */

/* The ends of a query cut two nodes a level; and the root. */
#define MAX_TERMS (2 * TR_TREE_DEPTH + 1)

enum { INCREMENT, MOMENT, INTEGRALS };

typedef struct { /* of each integral in the W and H of a node */
  double w[INTEGRALS], h[INTEGRALS];
} share;

typedef struct { /* coefficients of a node's two normals in each integral */
  uint32_t node;
  double c[INTEGRALS][2];
} term;

typedef struct {
  double from, to, middle;
  int n;
  term terms[MAX_TERMS];
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
  term *own = &q->terms[q->n++];
  own->node = node;
  for (int i = 0; i < INTEGRALS; i++) {
    double difference = left.w[i] - right.w[i], sum = left.h[i] + right.h[i];
    whole.w[i] = (left.w[i] + right.w[i]) / 2;
    whole.h[i] = 1.5 * difference + sum / 4;
    own->c[i][0] = (difference - sum / 2) * sqrt(length / 16);
    own->c[i][1] = (left.h[i] - right.h[i]) * sqrt(length / 48);
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
  term *root = &q->terms[q->n++];
  root->node = 0;
  for (int i = 0; i < INTEGRALS; i++) root->c[i][0] = all.w[i], root->c[i][1] = all.h[i] * sqrt(1.0 / 12);
}

static tr_status add(tr_program *list, const double c[2], double scale, const tr_array *n1,
                     const tr_array *n2, bool first, tr_array *z) {
  return tr_program_lincomb(list, first ? 2 : 3, (const double[]){c[0] * scale, c[1] * scale, 1},
                            (const tr_array *const[]){n1, n2, z}, z);
}

static tr_status add_node(const tr_brownian *path, const query *q, int k, tr_array *n1, tr_array *n2,
                          tr_array *z, tr_array *z2) {
  const term *own = &q->terms[k];
  double h = q->to - q->from;
  tr_program list;
  tr_random_address address = {
      .seed = path->seed, .purpose = TR_RANDOM_TREE, .step = own->node, .sample = path->first_sample};
  TR_TRY(tr_randn(&address, n1));
  address.purpose = TR_RANDOM_TREE2;
  TR_TRY(tr_randn(&address, n2));
  tr_program_init(&list, -1);
  TR_TRY(add(&list, own->c[INCREMENT], 1 / sqrt(h), n1, n2, k == 0, z));
  if (z2) TR_TRY(add(&list, own->c[MOMENT], sqrt(12 / h) / h, n1, n2, k == 0, z2));
  return tr_program_run(&list);
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
  tr_array *n1, *n2;
  ask(&q, s, t);
  TR_TRY(tr_brownian_array(path, 0, z, &n1));
  TR_TRY(tr_brownian_array(path, 1, z, &n2));
  for (int k = 0; k < q.n; k++) TR_TRY(add_node(path, &q, k, n1, n2, z, z2));
  return TR_OK;
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
