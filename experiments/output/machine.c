#include "experiments/output/machine.h"

#include <math.h>
#include <openssl/crypto.h>
#include <png.h>
#include <stdio.h>
#include <zlib.h>

#include <jpeglib.h> /* needs stdio.h */

#include "integrators/version.h"

#define TEXT_OF(x) #x
#define AS_TEXT(x) TEXT_OF(x)

/* libjpeg tells its version to the compiler only. */
static const char *jpeg_version(void) {
#ifdef LIBJPEG_TURBO_VERSION
  return "turbo " AS_TEXT(LIBJPEG_TURBO_VERSION) ", compiled with";
#else
  return AS_TEXT(JPEG_LIB_VERSION) ", compiled with";
#endif
}

json_t *machine_libraries(void) {
  json_t *libraries = json_object();
  json_object_set_new(libraries, "sundials", json_string(tr_sundials_version()));
  json_object_set_new(libraries, "jansson", json_string(jansson_version_str()));
  json_object_set_new(libraries, "libpng", json_string(png_get_libpng_ver(NULL)));
  json_object_set_new(libraries, "libjpeg", json_string(jpeg_version()));
  json_object_set_new(libraries, "zlib", json_string(zlibVersion()));
  json_object_set_new(libraries, "openssl", json_string(OpenSSL_version(OPENSSL_VERSION_STRING)));
  return libraries;
}

json_t *machine_processor(const tr_backend *backend) {
  char text[1024] = "";
  if (!backend->describe) backend = &tr_backend_cpu; /* the guard device computes on the processor too */
  if (!backend->describe || backend->describe(text, sizeof text) != TR_OK) return json_null();
  return json_string(text);
}

double machine_peak_arrays(const tr_ctx *ctx) {
  return (double)tr_ctx_memory_peak(ctx) / (1 << 20);
}

double machine_peak_device(const tr_ctx *ctx) {
  return (double)tr_ctx_device_memory(ctx).taken_peak / (1 << 20);
}

/* VmHWM, not getrusage: the latter counts what the starting program held before exec. */
double machine_peak_resident(void) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[128];
  double kib = NAN;
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "VmHWM: %lf", &kib) == 1) break;
  if (file) fclose(file);
  return kib / 1024;
}

void machine_print_memory(const tr_ctx *ctx) {
  double resident = machine_peak_resident();
  const double device = machine_peak_device(ctx);
  printf("memory: at most %.1f MiB in arrays", machine_peak_arrays(ctx));
  if (device > 0) printf(", %.1f MiB of the device", device);
  if (isfinite(resident)) printf(", %.1f MiB resident", resident);
  printf("\n");
}

tr_status machine_lacks_memory(tr_ctx *ctx, double bytes, int64_t n, const char *what, const char *option) {
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
  double size = bytes / 1024;
  int unit = 0;
  for (; size >= 1024 && unit < 3; unit++) size /= 1024;
  return TR_FAIL(ctx, TR_E_MEM, "out of memory: %.3g %s are needed for %lld %s: lower --%s", size,
                 units[unit], (long long)n, what, option);
}
