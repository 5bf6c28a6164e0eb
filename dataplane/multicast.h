// Multicast that a port must let in for IPv6. [C]
#ifndef VIGIL_DATAPLANE_MULTICAST_H
#define VIGIL_DATAPLANE_MULTICAST_H

#include <rte_ethdev.h>

#include "dp_internal.h"

// After the start of port `index`: asks for all multicast, and, where that may not be had, keeps a
// list of what is needed from now on.
void multicast_start(struct dp *dp, uint16_t index, const struct rte_eth_dev_info *info);
// Addresses of the port or of one of its subinterfaces have changed.
void multicast_update(struct dp *dp, uint16_t index);
void multicast_stop(struct iface *iface);

#endif
