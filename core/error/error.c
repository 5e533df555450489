#include "core/error/error_private.h"

#include "core/text.h"

tr_status tr_error_vfill(tr_error *err, tr_status status, const char *file, int line, const char *format,
                         va_list args) {
  if (!err) return status;
  tr_text_vshow(err->message, sizeof err->message, format, args);
  err->status = status, err->file = file, err->line = line;
  return status;
}

tr_status tr_error_fill(tr_error *err, tr_status status, const char *file, int line, const char *format,
                        ...) {
  va_list args;
  va_start(args, format);
  tr_error_vfill(err, status, file, line, format, args);
  va_end(args);
  return status;
}
