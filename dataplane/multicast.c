// Who looks for our IPv6 addresses asks their groups (RFC 4291, 2.7.1), so a port is asked to take
// all multicast. [C] A VF that its host does not trust may not: some drivers say so, and iavf's
// host says yes and does nothing. Such a port gets a list of the groups, which is small enough to
// be allowed; others do not, since a few drivers take it in place of all multicast, or stop for it.
#include "multicast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "log.h"
#include "port_stats.h"

#define GROUPS_MAX 64u // of an iavf; those of an ixgbe VF take 30

struct multicast {
	int refused; // what the device said to all multicast; 0 = yes
	bool warned;
	unsigned n;
	struct rte_ether_addr groups[GROUPS_MAX];
};

// RFC 2464, 7. False: no room.
static bool add(struct multicast *m, uint32_t low)
{
	struct rte_ether_addr group = {{0x33, 0x33, (uint8_t)(low >> 24), (uint8_t)(low >> 16),
	                                (uint8_t)(low >> 8), (uint8_t)low}};

	for (unsigned i = 0; i < m->n; i++)
		if (rte_is_same_ether_addr(&m->groups[i], &group))
			return true;
	if (m->n == GROUPS_MAX)
		return false;
	m->groups[m->n++] = group;
	return true;
}

// The solicited-node groups of one interface.
static bool add_iface(struct multicast *m, const struct iface *iface)
{
	const struct dp_iface_config *c = &iface->config;
	bool all = true;

	for (unsigned i = 0; c->up && i < c->n_addresses6; i++) {
		const uint8_t *a = c->addresses6[i].address.bytes;

		all &= add(m, 0xff000000u | (uint32_t)a[13] << 16 | (uint32_t)a[14] << 8 | a[15]);
	}
	return all;
}

static bool collect(const struct dp *dp, uint16_t index, struct multicast *m)
{
	bool all = add(m, 1) && add(m, 2); // all nodes, all routers

	for (unsigned i = 0; i < dp->n_ifaces; i++)
		if (dp->ifaces[i].main == index)
			all &= add_iface(m, &dp->ifaces[i]);
	return all;
}

// Devices that know neither have no filter.
static void warn(const struct dp *dp, const struct iface *iface, struct multicast *m, int rc)
{
	if (m->warned || m->refused == 0 || (m->refused == -ENOTSUP && rc == -ENOTSUP))
		return;
	m->warned = true;
	if (dp->log)
		log_msg(dp->log, LOG_WARNING, "PLATFORM", "MULTICAST",
		        "Interface %s: the device refuses multicast (%s): IPv6 neighbours may not "
		        "find us; a VF must be trusted",
		        iface->name, strerror(-rc));
}

void multicast_update(struct dp *dp, uint16_t index)
{
	struct iface *iface = &dp->ifaces[index];
	struct multicast *m = iface->multicast, now = {0};
	int rc;

	if (!m || link_is_lost(dp, iface))
		return;
	rc = collect(dp, index, &now) ? 0 : -ENOSPC;
	if (rc == 0 && now.n == m->n &&
	    memcmp(now.groups, m->groups, now.n * sizeof(*now.groups)) == 0)
		return;
	port_stats_lock(dp, iface);
	if (rc == 0)
		rc = rte_eth_dev_set_mc_addr_list(iface->port, now.groups, now.n);
	port_stats_unlock(dp, iface);
	if (rc) {
		warn(dp, iface, m, rc);
		return;
	}
	m->n = now.n;
	memcpy(m->groups, now.groups, sizeof(m->groups));
}

void multicast_start(struct dp *dp, uint16_t index, const struct rte_eth_dev_info *info)
{
	struct iface *iface = &dp->ifaces[index];
	int refused = rte_eth_allmulticast_enable(iface->port);

	if (refused == 0 && strcmp(info->driver_name, "net_iavf") != 0)
		return;
	iface->multicast = calloc(1, sizeof(*iface->multicast));
	if (!iface->multicast)
		return;
	iface->multicast->refused = refused;
	multicast_update(dp, index);
}

void multicast_stop(struct iface *iface)
{
	free(iface->multicast);
	iface->multicast = NULL;
}
