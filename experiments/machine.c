#include "experiments/machine.h"

#include <openssl/crypto.h>
#include <png.h>
#include <zlib.h>

#include "integrators/version.h"

json_t *machine_libraries(void) {
  json_t *libraries = json_object();
  json_object_set_new(libraries, "sundials", json_string(tr_sundials_version()));
  json_object_set_new(libraries, "jansson", json_string(jansson_version_str()));
  json_object_set_new(libraries, "libpng", json_string(png_get_libpng_ver(NULL)));
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
