#include "experiments/fetch/spelling.h"

#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define WORD    LETTERS "0123456789-_."

bool spelled_plainly(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < ' ' || *text == 127) return false;
  return true;
}

bool spelled_hex(const char *text, size_t least, size_t most) {
  const size_t n = strspn(text, "0123456789abcdef");
  return !text[n] && n >= least && n <= most;
}

bool spelled_commit(const char *text) {
  return spelled_hex(text, 40, 40) || spelled_hex(text, 64, 64);
}

/* `length` characters of a name. */
static bool is_word(const char *text, size_t length) {
  return length > 0 && length <= 96 && strspn(text, WORD) >= length && *text != '.' && *text != '-';
}

bool spelled_repo(const char *text) {
  const char *slash = strchr(text, '/');
  return slash && is_word(text, (size_t)(slash - text)) && is_word(slash + 1, strlen(slash + 1)) &&
         !strstr(text, "--"); /* which stands for the slash in the cache */
}

bool spelled_path(const char *text) {
  if (strlen(text) > 400 || !spelled_plainly(text) || strchr(text, '\\')) return false;
  for (const char *part = text;; part++) {
    const size_t n = strcspn(part, "/");
    if (n == 0 || (n == 1 && *part == '.') || (n == 2 && strncmp(part, "..", 2) == 0)) return false;
    part += n;
    if (!*part) return true;
  }
}

bool spelled_revision(const char *text) {
  return strlen(text) <= 200 && spelled_path(text) && *text != '-';
}

bool spelled_url(const char *text) {
  const char *host = strncmp(text, "https://", 8) == 0  ? text + 8
                     : strncmp(text, "http://", 7) == 0 ? text + 7
                                                        : NULL;
  return host && *host && *host != '/' && spelled_plainly(text) && !strchr(text, ' ');
}

bool spelled_etag(const char *text) {
  const size_t n = strspn(text, WORD);
  return !text[n] && n > 0 && n <= 128 && *text != '.';
}
