/* From the name of a device to a backend that is open on it. */
#ifndef TR_CORE_DEVICE_PRIVATE_H
#define TR_CORE_DEVICE_PRIVATE_H

#include "core/backend.h"

typedef struct {
  const tr_backend *backend;
  void *state;
  char name[32];    /* "cpu", "cuda:1": where "auto" was asked, the choice */
  char passed[512]; /* where "auto" was asked: why not another, or "" */
} tr_device;

/* As tr_ctx_open says of `resource`. Close with device->backend->close. */
tr_status tr_device_open(const char *resource, tr_device *device, tr_error *err);

#endif
