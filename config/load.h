// A startup file -> struct config. All errors are reported, and on any error nothing is returned.
#ifndef VIGIL_CONFIG_LOAD_H
#define VIGIL_CONFIG_LOAD_H

#include "config.h"
#include "diag.h"

#define LOAD_FILE_MAX (256u << 20) // bytes

// `diags` is initialised here and must be freed by the caller with diag_fini(), also on failure.
// 0 and *out, or -errno and *out NULL: -EINVAL for errors in the text, or the error of open or
// read.
int load_file(const char *path, struct config **out, struct diag_list *diags);
// The same for text in memory; `name` is for messages. Includes check_config().
int load_text(const char *name, const char *text, size_t len, struct config **out,
              struct diag_list *diags);

#endif
