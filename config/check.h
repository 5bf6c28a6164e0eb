// Cross references of a configuration.
#ifndef VIGIL_CONFIG_CHECK_H
#define VIGIL_CONFIG_CHECK_H

#include "config.h"
#include "diag.h"

// Adds what it finds to *d: incomplete crypto maps, policies that cannot be used, weak algorithms,
// crypto ACLs that IKE cannot express, interfaces without a port, duplicate addresses. 0, or
// -EINVAL when there was an error among it.
int check_config(const struct config *c, struct diag_list *d);

// Parts of it, for entries with manual keys: one entry; all inbound SPIs together.
void check_manual(const struct config *c, const struct config_map_entry *e, struct diag_list *d);
void check_manual_spis(const struct config *c, struct diag_list *d);

#endif
