// The startup file, written by `copy running-config startup-config`.
#ifndef VIGIL_MANAGE_STARTUP_H
#define VIGIL_MANAGE_STARTUP_H

#include <stddef.h>

struct config;
struct text;

// Replaces the file at once and for good: a new file beside it, mode 0600, synced, renamed over it.
// The file that was there stays as PATH.bak. What is written was read back and is equal. 0 or
// -errno and a text for a person.
int startup_save(const char *path, const struct config *c, char *err, size_t err_size);
// The file's text. 0 or -errno.
int startup_read(const char *path, struct text *out);

#endif
