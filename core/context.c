#include "core/context.h"

#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/context_private.h"
#include "core/device/device_private.h"
#include "core/error/error_private.h"
#include "core/module/registry_private.h"
#include "core/record/record_private.h"
#include "core/require_private.h"
#include "core/text.h"

struct tr_ctx {
  tr_device device;
  uint64_t seed;
  int threads;
  int64_t memory, memory_peak;
  tr_counts counts;
  tr_slots slots;
  tr_kept kept;
  tr_records *records;
  tr_error error;
  tr_warn_fn warn;
  void *warn_user;
  const volatile sig_atomic_t *interrupt;
  tr_registry *registry;
};

/* What went wrong where there was no context: the latest on this thread. */
static _Thread_local tr_error without_context;

/* Getters answer for this one when they are given none. */
static const tr_ctx no_context;

static const tr_ctx *given(const tr_ctx *ctx) {
  return ctx ? ctx : &no_context;
}

static tr_status open_context(const char *resource, uint64_t seed, tr_ctx **out, tr_error *err) {
  if (out) *out = NULL;
  if (!resource || !out)
    return TR_FAIL_IN(err, TR_E_ARG, "tr_ctx_open: %s is NULL", resource ? "out" : "resource");
  tr_ctx *ctx = calloc(1, sizeof *ctx);
  if (!ctx) return TR_FAIL_IN(err, TR_E_MEM, "out of memory for a context");
  tr_status status = tr_registry_create(&ctx->registry);
  if (status != TR_OK) {
    free(ctx);
    return TR_FAIL_IN(err, status, "out of memory for the module registry");
  }
  status = tr_device_open(resource, &ctx->device, err);
  if (status != TR_OK) {
    tr_registry_destroy(&ctx->registry);
    free(ctx);
    return status;
  }
  ctx->seed = seed;
  ctx->threads = omp_get_max_threads(); /* the processors of this process, or OMP_NUM_THREADS */
  *out = ctx;
  return TR_OK;
}

tr_status tr_ctx_open(const char *resource, uint64_t seed, tr_ctx **out, tr_error *err) {
  tr_error error = {0};
  tr_status status = open_context(resource, seed, out, &error);
  if (status == TR_OK) error = (tr_error){0}; /* "auto" may have met devices that did not open */
  if (err) *err = error;
  if (status != TR_OK) without_context = error;
  return status;
}

void tr_ctx_close(tr_ctx **ctx) {
  if (!ctx || !*ctx) return;
  tr_records_close(*ctx);
  (*ctx)->device.backend->close((*ctx)->device.state);
  tr_registry_destroy(&(*ctx)->registry);
  free(*ctx);
  *ctx = NULL;
}

uint64_t tr_ctx_seed(const tr_ctx *ctx) {
  return given(ctx)->seed;
}
const char *tr_ctx_resource(const tr_ctx *ctx) {
  return given(ctx)->device.name;
}
const char *tr_ctx_passed_over(const tr_ctx *ctx) {
  return given(ctx)->device.passed;
}
const tr_backend *tr_ctx_backend(const tr_ctx *ctx) {
  return given(ctx)->device.backend;
}

void tr_ctx_set_backend(tr_ctx *ctx, const tr_backend *backend) {
  ctx->device.backend = backend;
}

void *tr_ctx_backend_state(const tr_ctx *ctx) {
  return given(ctx)->device.state;
}
int tr_ctx_threads(const tr_ctx *ctx) {
  return given(ctx)->threads;
}
int64_t tr_ctx_memory(const tr_ctx *ctx) {
  return given(ctx)->memory;
}
int64_t tr_ctx_memory_peak(const tr_ctx *ctx) {
  return given(ctx)->memory_peak;
}
tr_device_memory tr_ctx_device_memory(const tr_ctx *ctx) {
  tr_device_memory memory = {0};
  if (ctx && ctx->device.backend->memory) ctx->device.backend->memory(ctx->device.state, &memory);
  return memory;
}
void tr_ctx_count_memory(tr_ctx *ctx, int64_t bytes) {
  ctx->memory += bytes;
  if (ctx->memory > ctx->memory_peak) ctx->memory_peak = ctx->memory;
}

tr_counts tr_ctx_counts(const tr_ctx *ctx) {
  return given(ctx)->counts;
}

/* Nothing is on its way any more. */
static void waited(tr_ctx *ctx) {
  ctx->counts.waits++;
  ctx->slots.pending = 0;
}

tr_kept *tr_ctx_kept(tr_ctx *ctx) {
  return &ctx->kept;
}

tr_records **tr_ctx_records(tr_ctx *ctx) {
  return &ctx->records;
}

tr_slots *tr_ctx_slots(tr_ctx *ctx) {
  return &ctx->slots;
}

void tr_ctx_count(tr_ctx *ctx, tr_count what, size_t bytes) {
  tr_counts *c = &ctx->counts;
  switch (what) {
  case TR_COUNT_ALLOCATION:
    c->allocations++;
    break;
  case TR_COUNT_UPLOAD:
    c->uploads++, c->bytes_up += (int64_t)bytes;
    break;
  case TR_COUNT_DOWNLOAD:
    c->downloads++, c->bytes_down += (int64_t)bytes;
    waited(ctx);
    break;
  case TR_COUNT_SMALL_SET:
    c->small_sets++, c->bytes_up += (int64_t)bytes;
    break;
  case TR_COUNT_WAIT:
    waited(ctx);
    break;
  case TR_COUNT_OPERATION:
    c->operations++;
    break;
  case TR_COUNT_PROGRAM:
    c->operations++, c->programs++;
    break;
  case TR_COUNT_RECORDED:
    c->recorded++;
    break;
  case TR_COUNT_REPLAY:
    c->operations++, c->replays++;
    break;
  case TR_COUNT_UNRECORDED:
    c->unrecorded++;
    break;
  }
}

tr_registry *tr_ctx_registry(tr_ctx *ctx) {
  return given(ctx)->registry;
}

tr_status tr_ctx_set_threads(tr_ctx *ctx, int n) {
  TR_REQUIRE(ctx, ctx);
  if (n < 1 || n > 4096) return TR_FAIL(ctx, TR_E_ARG, "threads %d is out of range: use 1 to 4096", n);
  ctx->threads = n;
  return TR_OK;
}

tr_status tr_ctx_latch(tr_ctx *ctx, tr_status status, const char *file, int line, const char *format, ...) {
  if (status == TR_OK || tr_ctx_failed(ctx) || !format) return status;
  va_list args;
  va_start(args, format);
  tr_error_vfill(ctx ? &ctx->error : &without_context, status, file, line, format, args);
  va_end(args);
  return status;
}

const tr_error *tr_ctx_error(const tr_ctx *ctx) {
  return ctx ? &ctx->error : &without_context;
}
bool tr_ctx_failed(const tr_ctx *ctx) {
  return given(ctx)->error.status != TR_OK;
}
void tr_ctx_clear(tr_ctx *ctx) {
  *(ctx ? &ctx->error : &without_context) = (tr_error){0};
}

void tr_ctx_on_warning(tr_ctx *ctx, tr_warn_fn fn, void *user) {
  if (!ctx) return;
  ctx->warn = fn;
  ctx->warn_user = user;
}

void tr_ctx_warn(tr_ctx *ctx, const char *format, ...) {
  if (!ctx || !ctx->warn || !format) return;
  char text[512];
  va_list args;
  va_start(args, format);
  tr_text_vshow(text, sizeof text, format, args);
  va_end(args);
  ctx->warn(text, ctx->warn_user);
}

void tr_ctx_set_interrupt(tr_ctx *ctx, const volatile sig_atomic_t *flag) {
  if (ctx) ctx->interrupt = flag;
}
bool tr_ctx_interrupted(const tr_ctx *ctx) {
  return given(ctx)->interrupt && *ctx->interrupt;
}

tr_status tr_ctx_check_interrupt(tr_ctx *ctx, double t) {
  TR_REQUIRE(ctx, ctx);
  if (!tr_ctx_interrupted(ctx)) return TR_OK;
  return TR_FAIL(ctx, TR_E_INTERRUPTED, "interrupted at t = %.10g, within an evaluation", t);
}
