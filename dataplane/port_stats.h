// What ports count. Reading that takes a NIC tens of microseconds, and a VF that asks its host up
// to 50 ms, which the control core cannot wait for: ports that are slow to say are read by a thread
// of their own, and what is told of them is what it read last.
#ifndef VIGIL_DATAPLANE_PORT_STATS_H
#define VIGIL_DATAPLANE_PORT_STATS_H

#include <rte_ethdev.h>

#include "dp_internal.h"

// Sees which ports are slow, and starts the thread if there are any. [C] once all ports are open.
// 0 or -errno.
int port_stats_start(struct dp *dp);
// [C] Before the first port is closed.
void port_stats_stop(struct dp *dp);
// What the interface's port counts; `imissed` is all that it had no room for. False: it does not
// say. [C] at any time.
bool port_stats(const struct dp *dp, const struct iface *iface, struct rte_eth_stats *stats);
// Up to when port_stats() counts from here on: now, or where a port is slow, when it was last
// asked. Being asked for this the thread reads more often for a while. [C] at any time.
tick_t port_stats_until(const struct dp *dp);
// Around what changes a running port: a driver takes one such call at a time. [C]
void port_stats_lock(const struct dp *dp, const struct iface *iface);
void port_stats_unlock(const struct dp *dp, const struct iface *iface);

#endif
