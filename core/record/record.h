/* Recordings. What is given to a device again and again in the same order, with the same shapes, is recorded
 * once and launched as a whole from then on: an evaluation of a network is a hundred operations or more, of
 * which each costs the host a launch. Devices that cannot record do the operations one by one.
 *
 * The first call with a key runs its body, which takes all memory; the second records it; later ones replay
 * it, and do not call the body. So a body hands operations to the device and does nothing else: whatever
 * differs from call to call is sent before, or lies in an array that moves.
 *
 * A recording is dropped when memory that its operations used is destroyed, or a weight: the next calls
 * begin anew. */
#ifndef TR_CORE_RECORD_H
#define TR_CORE_RECORD_H

#include "core/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_RECORD_NUMBERS 8
#define TR_RECORD_MOVING  8

/* Calls with equal keys have the same body, do the same operations in it, and give arrays that move of equal
 * shapes in the same order. */
typedef struct {
  const void *owner;                 /* whose body it is */
  int64_t number[TR_RECORD_NUMBERS]; /* what tells it from others of the owner; unused ones are 0 */
} tr_record_key;

typedef struct {
  tr_record_key key;
  const char *what; /* for messages: "an evaluation of sit" */
  double t;         /* the time that an interruption names */
  bool finishes;    /* what was begun and has to be done: nobody looks at the flag of an interruption */
  /* What the body is given by the caller and may lie elsewhere at the next call. Only patches and their
   * adjoints, programs, single vector operations, blends, copies, deflations, interpolations and losses may
   * be given these, and views of them. */
  int n_moving; /* 0 .. TR_RECORD_MOVING */
  const tr_array *moving[TR_RECORD_MOVING];
  tr_status (*body)(void *user);
  void *user;
  tr_status (*aside)(void *user, int64_t number); /* see tr_record_aside; NULL: there is none */
} tr_record_call;

/* Runs, records or replays the body; within another body, and where arrays that move overlap, runs it. A body
 * that asks for what cannot be recorded (new memory, copies between host and device, waits, other operations
 * on arrays that move) is run from then on, with one warning, see tr_counts. The flag of an interruption is
 * looked at once before a replay. */
TR_API tr_status tr_record(tr_ctx *ctx, const tr_record_call *call);

/* Within a body, between two of its operations: what the host does by itself there, such as to begin a sum
 * over ranks, and what destroys no memory of a recording. Where operations are launched one by one, and
 * outside of bodies, `aside` is called with `user`. A recording is cut: of its two parts one is launched,
 * aside of the call is called with its own user and this number, then the other is. A body that asks for
 * another aside than that of its call is run from then on. */
TR_API tr_status tr_record_aside(tr_ctx *ctx, tr_status (*aside)(void *user, int64_t number), void *user,
                                 int64_t number);

/* Drops what was recorded for an owner, before it goes or what it launches changes; NULL: everything. */
TR_API void tr_record_drop(tr_ctx *ctx, const void *owner);

/* Whether the device of the context can record. Recording is on until it is turned off. */
TR_API bool tr_record_possible(tr_ctx *ctx);
TR_API void tr_record_turn(tr_ctx *ctx, bool on);

#ifdef __cplusplus
}
#endif

#endif
