#include "experiments/common/machine_options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/backend.h"
#include "core/record/record.h"

/* The threads of a rank that was told of none. Ranks of one machine share its processors, unless mpirun has
 * given each its own, which are all that the process sees; 0: those. */
static int threads_of_rank(program *p) {
  const int ranks = tr_comm_local_size(p->comm), seen = tr_ctx_threads(p->ctx);
  const long all = sysconf(_SC_NPROCESSORS_ONLN);
  if (!p->comm || getenv("OMP_NUM_THREADS")) return 0;
  if (seen >= all) return seen > ranks ? seen / ranks : 1;
  if (ranks * (long)seen < all)
    tr_ctx_warn(
        p->ctx,
        "mpirun has bound each of %d ranks to %d of %ld processors: with --bind-to none they share all",
        ranks, seen, all);
  return 0;
}

/* Threads beyond the processors that mpirun has bound a rank to would only be in each other's way. */
static void warn_of_crowd(program *p, long threads) {
  const int seen = tr_ctx_threads(p->ctx);
  if (p->comm && !getenv("OMP_NUM_THREADS") && threads > seen && seen < sysconf(_SC_NPROCESSORS_ONLN))
    tr_ctx_warn(p->ctx,
                "--threads %ld: mpirun has bound this rank to %d processor%s, --bind-to none frees it",
                threads, seen, PLURAL(seen));
}

static bool is(const machine_options *o, tr_dtype dtype) {
  return strcmp(o->dtype, tr_dtype_name(dtype)) == 0;
}

tr_status machine_open(program *p, machine_options *o, uint64_t seed, tr_dtype *dtype) {
  tr_nn_products products;
  TR_TRY(machine_open_network(p, o, seed, dtype, &products));
  if (products == TR_NN_FULL) return TR_OK;
  return TR_FAIL(p->ctx, TR_E_ARG, "--dtype %s is for networks: use f32 or f64 here", o->dtype);
}

static tr_status check_products(program *p, tr_nn_products products) {
  if (products != TR_NN_TF32 || (tr_ctx_backend(p->ctx)->promises & TR_BACKEND_TF32)) return TR_OK;
  return TR_FAIL(p->ctx, TR_E_UNSUPPORTED, "--dtype tf32: the device %s has no TF32, use f32 or bf16",
                 tr_ctx_resource(p->ctx));
}

/* Where it was left open, the choice is told. */
static void say_device(const program *p, const char *asked) {
  const char *device = tr_ctx_resource(p->ctx), *why = tr_ctx_passed_over(p->ctx);
  const size_t length = strlen(asked);
  if (p->rank || length < 4 || strcmp(asked + length - 4, "auto") != 0) return;
  program_say(p, "--device %s: %s%s%s", asked, device, *why ? "; " : "", why);
}

void machine_turn_graphs(program *p, const machine_options *o) {
  if (o->no_cuda_graphs && !tr_ctx_backend(p->ctx)->record)
    tr_ctx_warn(p->ctx, "--no-cuda-graphs has no effect: the device %s has none", tr_ctx_resource(p->ctx));
  tr_record_turn(p->ctx, !o->no_cuda_graphs);
}

tr_status machine_open_network(program *p, machine_options *o, uint64_t seed, tr_dtype *dtype,
                               tr_nn_products *products) {
  *dtype = is(o, TR_F64) ? TR_F64 : TR_F32; /* the choices of the option */
  *products = is(o, TR_BF16) ? TR_NN_BF16 : strcmp(o->dtype, "tf32") == 0 ? TR_NN_TF32 : TR_NN_FULL;
  const int threads = o->threads == TR_OPTION_UNSET ? threads_of_rank(p) : (int)o->threads;
  warn_of_crowd(p, threads);
  TR_TRY(program_open(p, o->device, seed, threads));
  say_device(p, o->device);
  machine_turn_graphs(p, o);
  o->threads = tr_ctx_threads(p->ctx);
  return check_products(p, *products);
}
