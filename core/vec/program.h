/* Programs: elementwise operations that are listed first and run together later, in one pass over the
 * elements. One by one each of them is a pass over memory and, on a device, a launch; between two evaluations
 * of a network a solver has up to thirty.
 *
 * The bits are those of the same operations one by one: each computes in double and rounds once when it
 * stores, and a later one reads what an earlier one stored. The vectors of a program are of equal context,
 * type (f32, f64) and count, and equal or apart in memory. A listing that does not fit, for lack of room or
 * because its vectors are others, runs what is listed and begins anew: the caller need not care.
 *
 * What is listed has not happened yet. Before anyone else looks at one of its arrays, also before an
 * operation outside the list, call tr_program_run; before one of them is destroyed, too. */
#ifndef TR_CORE_VEC_PROGRAM_H
#define TR_CORE_VEC_PROGRAM_H

#include "core/array.h"
#include "core/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All of it fits into the 4 KiB that the arguments of a kernel may have on any device. */
#define TR_PROGRAM_OPS     64
#define TR_PROGRAM_VECTORS 32
#define TR_PROGRAM_TERMS   192
#define TR_PROGRAM_DRAWS   8

typedef enum {
  TR_PROGRAM_LINCOMB, /* z = sum factor term */
  TR_PROGRAM_MAP,     /* z = map(term 0, term 1, factor 0) */
  TR_PROGRAM_WEIGHTS, /* z = 1 / (factor 2k |term 0| + factor 2k+1) on part k of `parts` */
  TR_PROGRAM_NORMALS  /* z = the normals of draw[first] */
} tr_program_kind;

typedef struct {
  uint8_t kind;   /* tr_program_kind */
  uint8_t map;    /* tr_map_op */
  uint8_t n;      /* operands; those that a map does not read are left out */
  uint8_t z;      /* the vector that it writes */
  uint16_t first; /* its operands are term[first ..], its numbers factor[first ..] */
} tr_program_op;

/* Element i is element i % row of the address' sample + i / row. */
typedef struct {
  tr_random_address address;
  int64_t row;
} tr_program_draw;

/* For backends; users fill it by the functions below. */
typedef struct tr_program {
  tr_ctx *ctx;
  tr_dtype dtype;
  int64_t count;
  int n_vectors, n_ops, n_terms, n_draws;
  void *vector[TR_PROGRAM_VECTORS]; /* device memory of `count` elements each */
  tr_program_op op[TR_PROGRAM_OPS];
  double factor[TR_PROGRAM_TERMS];
  uint8_t term[TR_PROGRAM_TERMS]; /* numbers of vectors */
  tr_program_draw draw[TR_PROGRAM_DRAWS];
  tr_segments parts; /* of all its TR_PROGRAM_WEIGHTS */
  /* Then, at the end, a reduction into a slot; slot -1: none. y -1: no second operand. */
  struct {
    int slot, op, x, y;
    tr_segments parts;
  } reduce;
  /* slot -1: none. Nothing of the program happens, the reduction included, once the slot's latch is set. x
   * >= 0: at the end sets the latch to `step`, unless every element of vector x is finite. */
  struct {
    int slot, x;
    int64_t step;
    const void *keep; /* memory that nothing in the same program writes */
  } watch;
} tr_program;

/* An empty list. watch: the slot of a watch (core/vec/vec.h), -1 for none (any other is TR_E_ARG when the
 * list is run); once its latch is set, what is listed afterwards is left undone, so that a state which is no
 * longer finite stays as it was found. */
TR_API void tr_program_init(tr_program *p, int watch);

/* As the functions of the same name in core/vec/vec.h, later. */
TR_API tr_status tr_program_lincomb(tr_program *p, int k, const double *a, const tr_array *const *x,
                                    tr_array *z);
TR_API tr_status tr_program_axpby(tr_program *p, double a, const tr_array *x, double b, const tr_array *y,
                                  tr_array *z);
TR_API tr_status tr_program_scale(tr_program *p, double a, const tr_array *x, tr_array *z);
TR_API tr_status tr_program_map(tr_program *p, tr_map_op op, double c, const tr_array *x, const tr_array *y,
                                tr_array *z);
TR_API tr_status tr_program_copy(tr_program *p, const tr_array *x, tr_array *z);
TR_API tr_status tr_program_randn(tr_program *p, const tr_random_address *address, tr_array *z);
/* w = 1 / (rtol |y| + atol), the error weights of a solver, with rtol[k] and atol[k] on part k of seg (NULL:
 * one part). Rounds where abs, scale, add and invert one by one would. */
TR_API tr_status tr_program_weights(tr_program *p, const tr_array *y, const tr_segments *seg,
                                    const double *rtol, const double *atol, tr_array *w);

/* Hands the list to the device, which may still be at it on return, and empties it. An empty list is fine. */
TR_API tr_status tr_program_run(tr_program *p);
/* The same with a reduction at the end, whose result is left in the slot: tr_reduce_begin of core/vec/vec.h.
 */
TR_API tr_status tr_program_reduce(tr_program *p, tr_reduce_op op, const tr_array *x, const tr_array *y,
                                   const tr_segments *seg, int slot);
/* Lists a look at x: when the list is run, the watch of tr_program_init notes `step` >= 0 if x is then not
 * finite. keep (may be NULL): the state before, which must outlive such a finding; the list is run before
 * anything is listed that writes x or keep, and before another look. */
TR_API tr_status tr_program_watch(tr_program *p, const tr_array *x, int64_t step, const tr_array *keep);

/* Whether something listed reads or writes the memory at `data`. */
TR_API bool tr_program_holds(const tr_program *p, const void *data);

#ifdef __cplusplus
}
#endif

#endif
