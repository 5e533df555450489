/* Vector operations on arrays, on whatever device they live. These check arguments and forward to the
 * backend. A result is one of the operands where its line says so, or lies apart from them in memory: one
 * that lies across an operand, as views may, is TR_E_ARG. */
#ifndef TR_CORE_VEC_VEC_H
#define TR_CORE_VEC_VEC_H

#include "core/array.h"
#include "core/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* z = sum_i a[i] x[i], 1 <= k <= TR_LINCOMB_MAX; summed in double and rounded once. z may be any of the x.
 * Terms with a[i] = 0 are still read: 0 * inf is NaN, as IEEE says. All arrays of equal dtype (f32, f64) and
 * count. */
TR_API tr_status tr_lincomb(int k, const double *a, const tr_array *const *x, tr_array *z);
/* z = a x + b y */
TR_API tr_status tr_axpby(double a, const tr_array *x, double b, const tr_array *y, tr_array *z);
/* z = a x */
TR_API tr_status tr_scale(double a, const tr_array *x, tr_array *z);
/* z = c */
TR_API tr_status tr_fill(double c, tr_array *z);
/* z = op(x, y, c); y may be NULL for operations that do not use it, x too for TR_MAP_CONST. */
TR_API tr_status tr_map(tr_map_op op, double c, const tr_array *x, const tr_array *y, tr_array *z);
/* out[0 .. max(1, seg->n) - 1] = op over the segments (seg NULL: one segment); y may be NULL where unused. */
TR_API tr_status tr_reduce(tr_reduce_op op, const tr_array *x, const tr_array *y, const tr_segments *seg,
                           double *out);
/* Standard normals, see core/random.h; z of f32 or f64 with ndim >= 1, each row of < 2^33 elements. */
TR_API tr_status tr_randn(const tr_random_address *address, tr_array *z);
/* z[s] = sum over the terms of factor[s][0] a + factor[s][1] b, a and b being the arrays that tr_randn gives
 * at the term's step for the two purposes: with the bits of linear combinations that add a term at a time. */
TR_API tr_status tr_randn_sums(const tr_randn_sums_args *args);
/* Arrays (N, C, ...) of equal shape: z = a x + b y on the first `channels` channels, 0 <= channels <= C, and
 * z = y on the others. z may be x or y. */
TR_API tr_status tr_blend_channels(int64_t channels, double a, const tr_array *x, double b, const tr_array *y,
                                   tr_array *z);
/* z[r] = a (sum over row r of x y) + b, summed in double in a fixed order: x and y of equal dtype (f32, f64)
 * and count, cut into as many rows of equal length as z has elements (at least one). */
TR_API tr_status tr_dot_rows(double a, const tr_array *x, const tr_array *y, double b, tr_array *z);
/* Deflation, in each of the rows first .. first + rows - 1, of vectors g_k, k < 2 R, with y_k = A g_k for the
 * first R of them:
 *   c = sum_k<R g_k' y_k / (R n)
 *   deflated k < R:  y_k - c g_k, made orthonormal in turn; zeros where what the ones before it leave is no
 *                    longer than TR_DEFLATE_DEPENDENT |y_k|
 *   deflated k >= R: g_k less its projection on these
 * by Gram-Schmidt, each vector projected twice; once is not enough for what is nearly in the space of the
 * others. numbers: c of every row, then n less the vectors k < R that are not zeros. Sums in double, rounded
 * to the type of the arrays (f32, f64) where a vector is stored. TR_E_UNSUPPORTED on a backend that lacks it.
 */
TR_API tr_status tr_deflate(const tr_deflate_args *args);

/* Results that nobody waits for: the device leaves them in one of TR_SLOTS slots, and who reads the slot
 * waits for them, unless the host has waited for the device in the meantime.
 *
 * A slot is taken (TR_E_UNSUPPORTED when all are) and given back, which sets it to -1; -1 is fine there. */
TR_API tr_status tr_slot_take(tr_ctx *ctx, int *slot);
TR_API void tr_slot_give(tr_ctx *ctx, int *slot);
/* tr_reduce without the wait: the result goes to a slot that was taken. */
TR_API tr_status tr_reduce_begin(tr_reduce_op op, const tr_array *x, const tr_array *y,
                                 const tr_segments *seg, int slot);
/* out[0 .. n-1] = the first n numbers of the slot, n <= TR_MAX_SEGMENTS: the results by segment. */
TR_API tr_status tr_slot_read(tr_ctx *ctx, int slot, int n, double *out);
/* Waits until the device has done all that it was asked for. */
TR_API tr_status tr_wait(tr_ctx *ctx);

/* A watch: a latch on the device, in a slot, that keeps the number of the first step at which a state was not
 * finite, which tr_program_watch looks at (core/vec/program.h). Give the slot back with tr_slot_give. */
TR_API tr_status tr_watch_take(tr_ctx *ctx, int *slot);
/* *step = the latch, TR_WATCH_NONE when it is not set. With `wait`, of all looks so far; without, the host
 * does not wait, and looks of which the device has not told yet may be missing. */
TR_API tr_status tr_watch_ask(tr_ctx *ctx, int slot, bool wait, int64_t *step);

#ifdef __cplusplus
}
#endif

#endif
