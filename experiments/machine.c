#include "experiments/machine.h"

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
