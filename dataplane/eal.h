// EAL's arguments and its log.
#ifndef VIGIL_DATAPLANE_EAL_H
#define VIGIL_DATAPLANE_EAL_H

#include "dp_internal.h"

#define EAL_ARGS_MAX (DP_PORTS_MAX * 2 + 24)

struct eal_args {
	int count;
	char *args[EAL_ARGS_MAX]; // the strings are the struct's
};

// Is this a PCI address (with or without domain and arguments), not a virtual device?
bool eal_is_pci(const char *device);
// 0 or -errno. Free with eal_args_free() in any case.
int eal_args_make(const struct dp_config *config, struct eal_args *out);
void eal_args_free(struct eal_args *args);

// EAL and its drivers complain to dp->log from now on; the last line said on the control core also
// goes to dp->eal_error. What other threads say is left out: the log is the control core's.
int eal_log_open(struct dp *dp);
void eal_log_close(void);

// After rte_eal_cleanup(), or when the start failed: takes away what EAL leaves in /run/dpdk.
void eal_tidy(void);

#endif
