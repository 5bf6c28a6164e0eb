// What a port counts. [C] Apart from port.c, since who asks needs no port to be opened.
#include <rte_ethdev.h>

#include "link.h"
#include "port.h"

bool port_stats(const struct dp *dp, const struct iface *iface, struct rte_eth_stats *stats)
{
	if (link_is_lost(dp, iface) || rte_eth_stats_get(iface->port, stats))
		return false;
	for (unsigned i = 0; iface->queues_drop && i < RTE_ETHDEV_QUEUE_STAT_CNTRS; i++)
		stats->imissed += stats->q_errors[i];
	return true;
}
