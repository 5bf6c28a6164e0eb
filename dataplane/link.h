// Whether ports have a link. [C] but for what drivers call.
#ifndef VIGIL_DATAPLANE_LINK_H
#define VIGIL_DATAPLANE_LINK_H

#include <rte_ethdev.h>

#include "dp_internal.h"

// Before the port is configured: asks for interrupts where the driver has them. After it: hears of
// them.
void link_configure(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf);
void link_watch(struct dp *dp, uint16_t port, const struct rte_eth_conf *conf);
// No more of them; the port still exists.
void link_forget(struct dp *dp, uint16_t port);

// The link of the interface's port as it is now. False: the driver does not say.
bool link_read(const struct dp *dp, const struct iface *iface, struct rte_eth_link *link);
// Was its device reset or removed? Its link is down then until the end, and nothing may be asked of
// it any more.
static inline bool link_is_lost(const struct dp *dp, const struct iface *iface)
{
	// Relaxed: it stands for itself.
	return __atomic_load_n(&dp->ports_lost[iface->port], __ATOMIC_RELAXED);
}

// Raises DP_EVENT_LINK for each port whose link is not what it was; the first time for all.
void link_poll(struct dp *dp);

#endif
