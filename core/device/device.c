#include "core/device/device_private.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/comm/comm.h"
#include "core/error/error_private.h"

#ifndef TR_CUDA_NAME
#define TR_CUDA_NAME "cuda" /* the emulator is called otherwise */
#endif
#ifdef TR_HAVE_CUDA
extern const tr_backend tr_backend_cuda;
#endif

const tr_backend *const *tr_backends(void) {
  static const tr_backend *const list[] = {
#ifdef TR_HAVE_CUDA
      &tr_backend_cuda,
#endif
      &tr_backend_cpu, &tr_backend_guard, NULL};
  return list;
}

/* "NAME", "NAME:NUMBER" or "NAME:auto". */
typedef struct {
  const char *name;
  size_t length;
  int number; /* 0 where none is given; or one of these */
} request;
enum { ANY = -1, NO_NUMBER = -2 };

static request parse(const char *resource) {
  const char *colon = strchr(resource, ':');
  request r = {resource, colon ? (size_t)(colon - resource) : strlen(resource), 0};
  if (!colon) return r;
  char *end;
  const long number = strtol(colon + 1, &end, 10);
  r.number = isdigit((unsigned char)colon[1]) && *end == 0 && number < 1024 ? (int)number : NO_NUMBER;
  if (strcmp(colon + 1, "auto") == 0) r.number = ANY;
  return r;
}

static bool is_named(const request *r, const char *name) {
  return strlen(name) == r->length && strncmp(name, r->name, r->length) == 0;
}

/* The number that "auto" stands for: where processes share a machine, each takes one. What was passed over is
 * told in err. A backend that has none to give fails when it is opened, and says why. */
static int number_of(const tr_backend *backend, tr_error *err) {
  const int number = backend->of_rank ? backend->of_rank(tr_comm_launched().local, err) : 0;
  return number < 0 ? 0 : number;
}

static tr_status open_on(const tr_backend *backend, int number, tr_device *device, tr_error *err) {
  device->backend = backend;
  if (backend->of_rank)
    snprintf(device->name, sizeof device->name, "%.20s:%d", backend->name, number);
  else
    snprintf(device->name, sizeof device->name, "%.31s", backend->name);
  return backend->open(number, &device->state, err);
}

/* "auto": that of this process. One that is alone takes the next where another program has it; several would
 * meet on one. In `passed`: why not the first, or where it is, one before it. */
static tr_status open_auto(const tr_backend *backend, tr_device *device, tr_error *passed, tr_error *err) {
  const int first = number_of(backend, passed);
  tr_status status = open_on(backend, first, device, err);
  if (status == TR_OK || !backend->of_rank || tr_comm_launched().size > 1) return status;
  const tr_error why = *err;
  for (int i = 1, number; status != TR_OK; i++) {
    number = backend->of_rank(i, NULL);
    if (number < 0 || number == first) break;
    status = open_on(backend, number, device, err);
  }
  *(status == TR_OK ? passed : err) = why;
  return status;
}

/* The first that opens, and why not the one before. */
static tr_status open_any(tr_device *device, tr_error *err) {
  tr_status status = TR_E_DEVICE;
  for (const tr_backend *const *b = tr_backends(); *b && status != TR_OK; b++) {
    tr_error why = {0};
    status = open_auto(*b, device, &why, err);
    if (status != TR_OK) why = *err;
    if (!*device->passed) snprintf(device->passed, sizeof device->passed, "%s", why.message);
  }
#ifndef TR_HAVE_CUDA
  snprintf(device->passed, sizeof device->passed, "this build has no CUDA");
#endif
  return status;
}

static tr_status open_asked(const request *r, const tr_backend *backend, tr_device *device, tr_error *err) {
  tr_error why = {0};
  TR_TRY(r->number == ANY ? open_auto(backend, device, &why, err) : open_on(backend, r->number, device, err));
  snprintf(device->passed, sizeof device->passed, "%s", why.message);
  if (!backend->of_rank) snprintf(device->name, sizeof device->name, "%.31s", r->name);
  return TR_OK;
}

static tr_status unknown(const request *r, tr_error *err) {
  if (is_named(r, "cuda") && r->number != NO_NUMBER)
    return TR_FAIL_IN(err, TR_E_DEVICE,
                      "no device '%s': this build has no CUDA (configure it where nvcc is); use cpu",
                      r->name);
  return TR_FAIL_IN(err, TR_E_ARG,
                    "no device '%s': use cpu, guard, " TR_CUDA_NAME ":N, " TR_CUDA_NAME ":auto or auto",
                    r->name);
}

tr_status tr_device_open(const char *resource, tr_device *device, tr_error *err) {
  *device = (tr_device){0};
  if (strcmp(resource, "auto") == 0) return open_any(device, err);
  const request r = parse(resource);
  for (const tr_backend *const *b = tr_backends(); *b; b++)
    if (is_named(&r, (*b)->name) && r.number != NO_NUMBER && (r.number != ANY || (*b)->of_rank))
      return open_asked(&r, *b, device, err);
  return unknown(&r, err);
}
