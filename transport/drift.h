/* The drift provider: anything that evaluates a field at (t, x): a SiT network, an exact Gaussian mixture, a
 * callback of the user. The sampler asks it for its prediction once per drift evaluation. */
#ifndef TR_TRANSPORT_DRIFT_H
#define TR_TRANSPORT_DRIFT_H

#include "core/array.h"
#include "core/module/registry.h"
#include "core/record/record.h"

#ifdef __cplusplus
extern "C" {
#endif

/* n == 1: one time for every row; n == rows: one each. Host memory. Every time lies in [0, 1]. */
typedef struct {
  int64_t n;
  const double *t;
} tr_times;

/* Class labels of the rows (host memory), NULL labels: unconditional provider. n == 1: one for every row. */
typedef struct tr_cond {
  int64_t n;
  const int32_t *labels;
} tr_cond;

/* What a field can be: the tags of the predictions that ship (transport/prediction/prediction.h). The
 * canonical field is F = dy/dtheta. A prediction that a user registers carries a tag of TR_QUANTITY_USER or
 * more. */
typedef enum {
  TR_VELOCITY,
  TR_NOISE,
  TR_SCORE,
  TR_DENOISER,
  TR_CANONICAL,
  TR_QUANTITY_USER = 100,
  TR_QUANTITY_MAX = 1000000
} tr_quantity;

typedef struct tr_drift tr_drift;
enum {                             /* what a provider can do, and promises */
       TR_DRIFT_VJP = 1,           /* vjp */
       TR_DRIFT_JVP = 2,           /* jvp */
       TR_DRIFT_DETERMINISTIC = 4, /* the same arguments give the same bits */
       TR_DRIFT_VJP_MULTI = 8,     /* vjp_multi */
       TR_DRIFT_VJP_PASSES = 16    /* vjp_passes */
};

/* Products in n passes, the covectors of one made of the products of the one before. Pass k has w[k] and
 * wJ[k], both (R_k, N, ...): R_k covectors a row. `next` fills rows first .. first + rows - 1 of every
 * covector of w[pass], pass >= 1, when those rows of wJ[pass - 1] are there; it may be called for some rows
 * before others, each once a pass, and its failure ends the call. Products of several passes may share
 * memory: those of a pass take the place of those before only once these have been asked about. next may be
 * NULL when n = 1. */
typedef struct {
  int n;
  const tr_array *const *w;
  tr_array *const *wJ;
  tr_status (*next)(void *user, int pass, int64_t first, int64_t rows);
  void *user;
  /* With these two passes can be recorded (core/record/record.h): all arrays that w and wJ are views of and
   * that `next` knows, apart from each other. It then hands operations to the device that take arrays that
   * move, and does nothing else. What it hands, and where in these arrays w and wJ lie, are the same while
   * `next_is`, their extents and the covectors a row are equal. n_work 0: it may do anything */
  int n_work; /* at most TR_DRIFT_WORK */
  const tr_array *const *work;
  const void *next_is;
} tr_drift_passes;
#define TR_DRIFT_WORK (TR_RECORD_MOVING - 2)

/* One call of a provider, for those that give it in two halves. */
typedef enum { TR_DRIFT_ASK_EVAL, TR_DRIFT_ASK_VJP, TR_DRIFT_ASK_JVP } tr_drift_ask;
typedef struct {
  tr_drift_ask ask;
  tr_times times;
  const tr_array *x;
  const tr_cond *cond;
  const tr_array *v; /* covectors, those of vjp or of vjp_multi, or the vector of jvp; else NULL */
  tr_array *f;       /* NULL for jvp */
  tr_array *product; /* NULL for eval */
} tr_drift_call;

typedef struct {
  const char *name;
  unsigned caps;
  /* f (N, ...) = prediction at rows x (N, ...), assigned. */
  tr_status (*eval)(tr_drift *, tr_times, const tr_array *x, const tr_cond *, tr_array *f); /* REQUIRED */
  /* f as above and wJ = w' (df/dx), row by row. OPTIONAL (TR_DRIFT_VJP) */
  tr_status (*vjp)(tr_drift *, tr_times, const tr_array *x, const tr_cond *, const tr_array *w, tr_array *f,
                   tr_array *wJ);
  /* Jv = (df/dx) v. OPTIONAL (TR_DRIFT_JVP) */
  tr_status (*jvp)(tr_drift *, tr_times, const tr_array *x, const tr_cond *, const tr_array *v, tr_array *Jv);
  /* f as above and wJ (R, N, ...) = w (R, N, ...)' (df/dx): R covectors a row behind one forward, each
   * product with the bits that vjp gives. OPTIONAL (TR_DRIFT_VJP_MULTI) */
  tr_status (*vjp_multi)(tr_drift *, tr_times, const tr_array *x, const tr_cond *, const tr_array *w,
                         tr_array *f, tr_array *wJ);
  /* f as above and the products of all passes behind one forward. OPTIONAL (TR_DRIFT_VJP_PASSES) */
  tr_status (*vjp_passes)(tr_drift *, tr_times, const tr_array *x, const tr_cond *, const tr_drift_passes *,
                          tr_array *f);
  /* Takes what evaluations with these arguments need, see tr_drift_reserve. OPTIONAL */
  tr_status (*reserve)(tr_drift *, const tr_array *x, const tr_cond *, int64_t vectors);
  /* The calls above in two halves, so that who is around a provider can be recorded with it
   * (core/record/record.h). `begin`, once a call, is the host's: it counts, takes memory, and sends times and
   * labels; *key is then the provider and what tells apart calls that launch differently, with a last number
   * of 0, or all 0 if this call cannot be recorded. `launch` hands the device its work and does nothing else.
   * Not of passes. OPTIONAL, both or none */
  tr_status (*begin)(tr_drift *, const tr_drift_call *, tr_record_key *key);
  tr_status (*launch)(tr_drift *, const tr_drift_call *);
  void (*give_back)(tr_drift *); /* OPTIONAL: gives the memory for evaluations back, until the next one */
  void (*destroy)(tr_drift *);   /* REQUIRED: frees what create made, the struct itself included */
  /* Of a provider around others: the i-th of these, i from 0 on, NULL past the last. A call then counts the
   * forwards and products that it asks of them, in the place of one forward and its own products. OPTIONAL */
  tr_drift *(*around)(const tr_drift *, int i);
} tr_drift_ops;

struct tr_drift {
  const tr_drift_ops *ops;
  tr_ctx *ctx;
  void *impl;
  tr_quantity kind; /* what eval returns */
  double rel_noise; /* relative rounding noise of eval: 0 for f64, 1e-7 f32, 1e-3 TF32, 4e-3 bf16 */
  int null_class;   /* label of the unconditional class, -1 if there is none */
  int num_classes;  /* 0: unconditional */
  int forwards;     /* most network forwards that an evaluation takes, for limits of a run; 0: one */
  /* Counted by the checked calls below: those of tr_drift_eval; vector-Jacobian and Jacobian-vector products
   * (one a covector or vector, whatever the rows); forwards of the provider in all of them, or of those that
   * it is around. */
  long n_eval, n_vjp, n_jvp, n_forward;
  /* Jumps of the field in t (a guidance interval has two), n_breaks = 0 for a smooth field. on_segment (may
   * be NULL) is called before a solver enters [from, to], from > to possible: until the next call the field
   * is asked for on this closed interval only, and answers at a jump for the side on which it lies. */
  const double *breaks;
  int n_breaks;
  void (*on_segment)(tr_drift *, double from, double to);
};

/* The checks that the calls below make of times, labels and the context of x, for those that reach a provider
 * another way (nets/net.h). */
TR_API tr_status tr_drift_check(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond);

/* Says what a solve is about to ask for: evaluations at states like x (its elements are not read) with these
 * labels, without products (vectors 0), or with up to so many covectors a row in one call (vectors where the
 * provider has no vjp). A provider may then take its memory and send the labels, so that no evaluation has
 * to; other evaluations stay allowed. Solves of the sampler call it. Without a `reserve` in the provider
 * nothing but the checks of an evaluation happens. Where memory does not suffice, the message tells how many
 * of the rows it would suffice for, with what a solver needs, and nothing is held. */
TR_API tr_status tr_drift_reserve(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t vectors);

/* Checked calls: shapes agree, times are in [0, 1], labels in range (0 .. num_classes - 1 or the null class;
 * none for an unconditional provider), and the counts go up: n_forward by one a call, or, of a provider
 * around others, by those of these. An operation that the provider lacks is TR_E_UNSUPPORTED; one that was
 * asked to stop may be TR_E_INTERRUPTED (tr_ctx_check_interrupt). Shapes, element types and contexts that do
 * not agree are TR_E_SHAPE, times and labels out of range TR_E_ARG. cond may be NULL for an unconditional
 * provider. Results are assigned. */
TR_API tr_status tr_drift_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                               tr_array *f);
TR_API tr_status tr_drift_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                              const tr_array *w, tr_array *f, tr_array *wJ);
TR_API tr_status tr_drift_jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                              const tr_array *v, tr_array *Jv);
/* f and R products at once: w and wJ have the shape (R, N, ...), R >= 1, of R states. A provider with vjp but
 * without vjp_multi answers with R calls of its vjp, and n_forward goes up by R instead of one. */
TR_API tr_status tr_drift_vjp_multi(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                    const tr_array *w, tr_array *f, tr_array *wJ);
/* f and the products of n >= 1 passes. A provider with vjp but without vjp_passes answers each pass as
 * tr_drift_vjp_multi does, and n_forward goes up for each. */
TR_API tr_status tr_drift_vjp_passes(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                     const tr_drift_passes *passes, tr_array *f);
/* Destroys and sets *drift to NULL; NULL is fine. */
TR_API void tr_drift_destroy(tr_drift **drift);

/* A provider from a C function (the arrays live on the device of the context), which the caller destroys.
 * `name` and `user` are borrowed; a kind that tr_quantity does not have is TR_E_ARG. It is deterministic,
 * unconditional (set num_classes and null_class to change that) and of rounding noise 0. An error that fn
 * returns keeps the message that it latched. */
typedef tr_status (*tr_field_fn)(tr_times, const tr_array *x, const tr_cond *, tr_array *f, void *user);
TR_API tr_status tr_drift_create_callback(tr_ctx *ctx, const char *name, tr_quantity kind, tr_field_fn fn,
                                          void *user, tr_drift **out);

#ifdef __cplusplus
}
#endif

#endif
