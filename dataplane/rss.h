// Which worker a port's receive side scaling gives a pair of addresses.
#ifndef VIGIL_DATAPLANE_RSS_H
#define VIGIL_DATAPLANE_RSS_H

#include <rte_ethdev.h>

#include "dp_internal.h"

// [C] Before rte_eth_dev_configure(): asks for spreading by a key that we know. 0 or -errno.
int rss_configure(struct iface *iface, const struct rte_eth_dev_info *info,
                  struct rte_eth_conf *conf);
// [C] After the start: the table from hash to queue.
void rss_read_table(struct iface *iface);
void rss_free(struct iface *iface);

#endif
