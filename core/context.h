/* The context: one device, one seed, the number of threads, the registry of modules, and the first error.
 * A context belongs to one host thread at a time; several contexts may live side by side.
 *
 * A pointer that is NULL where none is allowed is an error of the caller that every function of the library
 * notices first: TR_E_ARG naming function and argument, in the context if one was given. Functions that
 * return no status answer 0, false or NULL, or do nothing. */
#ifndef TR_CORE_CONTEXT_H
#define TR_CORE_CONTEXT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_ctx tr_ctx;
struct tr_backend;

/* Opens `resource`: "cpu", "guard" (the CPU with memory that only its own operations can read: a test
 * device), "cuda:0", ..., "cuda:auto" (of the processes that mpirun has started on a machine each takes
 * another of its devices, in turns where there are fewer) or "auto" (the first device that opens, CPU last).
 * `seed` addresses every random number. On failure *out is NULL and *err (may be NULL) tells why, and so does
 * tr_ctx_error(NULL). Close with tr_ctx_close. */
TR_API tr_status tr_ctx_open(const char *resource, uint64_t seed, tr_ctx **out, tr_error *err);

/* Closes the context and sets *ctx to NULL. Every array made on it must be destroyed before. NULL is fine. */
TR_API void tr_ctx_close(tr_ctx **ctx);

TR_API uint64_t tr_ctx_seed(const tr_ctx *ctx);
TR_API const char *tr_ctx_resource(const tr_ctx *ctx); /* as opened: "cpu", "guard", "cuda:0" */
/* Where it was left to "auto" which device is opened: why not one that would have come before, in a line; ""
 * where there is none. */
TR_API const char *tr_ctx_passed_over(const tr_ctx *ctx);
TR_API const struct tr_backend *tr_ctx_backend(const tr_ctx *ctx);
TR_API void *tr_ctx_backend_state(const tr_ctx *ctx);

/* Threads that the CPU backend may use: n >= 1; the default is the number of processors of
 * this process, or OMP_NUM_THREADS.
 * Results never depend on it. */
TR_API tr_status tr_ctx_set_threads(tr_ctx *ctx, int n);
TR_API int tr_ctx_threads(const tr_ctx *ctx);

/* Bytes of device memory that arrays made on the context hold, and the most they have held at a time. */
TR_API int64_t tr_ctx_memory(const tr_ctx *ctx);
TR_API int64_t tr_ctx_memory_peak(const tr_ctx *ctx);
/* Memory of the device as a whole, in bytes. All 0 where arrays lie in memory of the host. */
typedef struct {
  int64_t taken, taken_peak; /* by the context: its arrays, room for more of them, working memory */
  int64_t available;         /* for arrays that are still to come */
  int64_t total;
} tr_device_memory;
TR_API tr_device_memory tr_ctx_device_memory(const tr_ctx *ctx);

/* What the device was asked to do since the context was opened: what a solve costs besides its arithmetic is
 * the difference of two of these. Counted on every backend, in the wrappers of arrays and operations. */
typedef struct {
  int64_t allocations;          /* arrays with memory of their own; views are free */
  int64_t uploads, downloads;   /* copies between host and device; the host waits for a download */
  int64_t small_sets;           /* uploads of a few bytes for which nobody waits */
  int64_t waits;                /* times the host waited for the device: downloads and reductions it read */
  int64_t operations, programs; /* vector and network operations, copies on the device; of these, programs */
  int64_t bytes_up, bytes_down;
  /* Of core/record/record.h: bodies that were recorded (their operations are counted as if they had run),
   * replays, an operation each, and decisions to go without a recording. */
  int64_t recorded, replays, unrecorded;
} tr_counts;
TR_API tr_counts tr_ctx_counts(const tr_ctx *ctx);

/* Latches an error: keeps it if it is the first since tr_ctx_clear, and returns the status it was given in
 * any case. Use it through TR_FAIL, which adds file and line. */
TR_API tr_status tr_ctx_latch(tr_ctx *ctx, tr_status status, const char *file, int line, const char *format,
                              ...) __attribute__((format(printf, 5, 6)));
#define TR_FAIL(ctx, status, ...) tr_ctx_latch((ctx), (status), __FILE__, __LINE__, __VA_ARGS__)

/* The error latched, of status TR_OK when there is none; never NULL. Of a context that is NULL: the latest
 * error on this thread that had no context to go to, a tr_ctx_open that failed or a call that was given NULL.
 */
TR_API const tr_error *tr_ctx_error(const tr_ctx *ctx);
TR_API bool tr_ctx_failed(const tr_ctx *ctx); /* true once an error is latched; of NULL: false */
TR_API void tr_ctx_clear(tr_ctx *ctx);        /* forget it */

/* Warnings are one line each and go to `fn` (NULL: dropped). The library itself never prints. */
typedef void (*tr_warn_fn)(const char *message, void *user);
TR_API void tr_ctx_on_warning(tr_ctx *ctx, tr_warn_fn fn, void *user);
TR_API void tr_ctx_warn(tr_ctx *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Solvers look at *flag between steps, networks within an evaluation, and return TR_E_INTERRUPTED when it is
 * not zero (a signal handler may set it). NULL: never interrupted. The flag is borrowed. */
TR_API void tr_ctx_set_interrupt(tr_ctx *ctx, const volatile sig_atomic_t *flag);
TR_API bool tr_ctx_interrupted(const tr_ctx *ctx);
/* For what goes on for long inside one call: TR_E_INTERRUPTED, naming the time t, when the flag is set. A SiT
 * asks in every block of every pass, an MLP in every group of samples and every backward pass, the products
 * of transport/drift.h between covectors that they give a provider one by one. On the processor a
 * matrix product or an attention that takes a second or more asks by itself, within its work. */
TR_API tr_status tr_ctx_check_interrupt(tr_ctx *ctx, double t);

struct tr_registry;
TR_API struct tr_registry *tr_ctx_registry(tr_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
