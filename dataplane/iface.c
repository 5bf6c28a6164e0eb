// The contract's interfaces: settings that may change while packets flow, and what a port says of
// itself. [C] Each word that workers read stands for itself; the routes follow the settings.
#include <errno.h>
#include <rte_ethdev.h>
#include <stdio.h>

#include "addr.h"
#include "iface6.h"
#include "link.h"
#include "mss.h"
#include "multicast.h"
#include "port_stats.h"
#include "route.h"
#include "vlan.h"

#define MTU_MIN 68 // RFC 791

static void set_word(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static int check(const struct dp *dp, uint16_t iface, const struct dp_iface_config *config)
{
	if (iface >= dp->n_ifaces || config->mtu < MTU_MIN)
		return -EINVAL;
	if (config->mtu > dp->ifaces[iface].mtu_max || config->mtu6 > dp->ifaces[iface].mtu_max)
		return -ENOTSUP;
	if (config->network.addr.family == 6)
		return -EAFNOSUPPORT;
	if (config->network.addr.family && !prefix_contains(&config->network, &config->address))
		return -EINVAL;
	return 0;
}

// A route that an IPv4 address brings along.
struct own_route {
	uint32_t addr; // host order
	uint8_t len;
	enum route_kind kind;
};

#define OWN_ROUTES 4u // at most

// Returns how many there are. RFC 3021: a /31 has neither network nor broadcast address.
static unsigned own_routes(const struct dp_iface_config *config, struct own_route out[OWN_ROUTES])
{
	uint8_t len = config->network.len;
	uint32_t network;
	unsigned n = 0;

	if (config->network.addr.family != 4 || !config->up)
		return 0;
	network = addr_v4_host(&config->network.addr);
	out[n++] = (struct own_route){addr_v4_host(&config->address), 32, ROUTE_LOCAL};
	if (len < 32)
		out[n++] = (struct own_route){network, len, ROUTE_CONNECTED};
	if (len < 31) {
		out[n++] = (struct own_route){network | UINT32_MAX >> len, 32, ROUTE_BROADCAST};
		out[n++] = (struct own_route){network, 32, ROUTE_BROADCAST};
	}
	return n;
}

static struct ip_prefix prefix_of(const struct own_route *r)
{
	return (struct ip_prefix){.addr = addr_v4(r->addr), .len = r->len};
}

static bool has_route(const struct own_route *routes, unsigned n, const struct own_route *r)
{
	for (unsigned i = 0; i < n; i++)
		if (routes[i].addr == r->addr && routes[i].len == r->len)
			return true;
	return false;
}

static int routes_add(struct dp *dp, uint16_t iface, const struct own_route *routes, unsigned n)
{
	int rc = 0;

	for (unsigned i = 0; i < n && rc == 0; i++) {
		struct ip_prefix prefix = prefix_of(&routes[i]);

		rc = route_iface_add(dp, &prefix, iface, routes[i].kind);
	}
	return rc;
}

// Those that `kept` has no need of.
static void routes_del(struct dp *dp, uint16_t iface, const struct own_route *gone, unsigned n,
                       const struct own_route *kept, unsigned n_kept)
{
	for (unsigned i = 0; i < n; i++) {
		struct ip_prefix prefix = prefix_of(&gone[i]);

		if (!has_route(kept, n_kept, &gone[i]))
			route_iface_del(dp, &prefix, iface);
	}
}

// What is new is there before anything goes: workers look all the while, and what finds no route of
// the interface takes a less specific one, perhaps in clear.
static int routes4(struct dp *dp, uint16_t iface, const struct dp_iface_config *before,
                   const struct dp_iface_config *after)
{
	struct own_route old[OWN_ROUTES], new[OWN_ROUTES];
	unsigned n_old = own_routes(before, old), n_new = own_routes(after, new);
	int rc = routes_add(dp, iface, new, n_new);

	if (rc == 0) {
		routes_del(dp, iface, old, n_old, new, n_new);
		return 0;
	}
	routes_add(dp, iface, old, n_old); // of another kind meanwhile
	routes_del(dp, iface, new, n_new, old, n_old);
	return rc;
}

// The device's own limit is only raised; ours cuts what goes out. What it refuses (many do while
// they run, with -EBUSY) becomes what it has.
static int fit_device(const struct dp *dp, const struct iface *iface,
                      struct dp_iface_config *config)
{
	uint16_t wanted = RTE_MAX(config->mtu, config->mtu6), now;
	int rc;

	if (rte_eth_dev_get_mtu(iface->port, &now) || wanted <= now)
		return 0;
	port_stats_lock(dp, iface);
	rc = rte_eth_dev_set_mtu(iface->port, wanted);
	port_stats_unlock(dp, iface);
	// Some have no such setting, or a wrong limit: what fits their buffers passes.
	if (rc == 0 || rc == -ENOTSUP || iface->mtu_device == UINT16_MAX)
		return 0;
	config->mtu = RTE_MIN(config->mtu, now);
	config->mtu6 = RTE_MIN(config->mtu6, now);
	return rc;
}

// Where there are no routes for the IPv4 network it stays what it was.
static void keep_network(struct dp_iface_config *config, const struct dp_iface_config *before)
{
	config->network = before->up ? before->network : (struct ip_prefix){0};
	config->address = before->up ? before->address : (struct ip_addr){0};
}

static bool has_address6(const struct dp_iface_config *config, const struct dp_address6 *a)
{
	for (unsigned i = 0; i < config->n_addresses6; i++)
		if (addr_equal(&config->addresses6[i].address, &a->address) &&
		    prefix_equal(&config->addresses6[i].network, &a->network))
			return true;
	return false;
}

// Of the IPv6 addresses that it had those stay that it is still to have.
static void keep_addresses6(struct dp_iface_config *config, const struct dp_iface_config *before)
{
	struct dp_iface_config wanted = *config;

	config->n_addresses6 = 0;
	for (unsigned i = 0; before->up && i < before->n_addresses6; i++)
		if (has_address6(&wanted, &before->addresses6[i]))
			config->addresses6[config->n_addresses6++] = before->addresses6[i];
}

// The networks of both families, as far as there can be routes for them.
static int set_networks(struct dp *dp, uint16_t index, struct dp_iface_config *config)
{
	const struct dp_iface_config *before = &dp->ifaces[index].config;
	int rc6 = iface6_routes(dp, index, before, config), rc4;

	if (rc6) {
		keep_addresses6(config, before);
		(void)iface6_routes(dp, index, before, config); // takes some away, no more
	}
	rc4 = routes4(dp, index, before, config);
	if (rc4)
		keep_network(config, before);
	return rc4 ? rc4 : rc6;
}

static uint32_t flags_of(const struct dp_iface_config *config)
{
	uint32_t flags = 0;

	if (config->up)
		flags |= IFACE_UP;
	if (config->crypto_map)
		flags |= IFACE_CRYPTO_MAP;
	if (config->df == DP_DF_CLEAR)
		flags |= IFACE_DF_CLEAR;
	if (config->df == DP_DF_SET)
		flags |= IFACE_DF_SET;
	if (config->fragment_after)
		flags |= IFACE_FRAGMENT_AFTER;
	return flags;
}

int dp_iface_set(struct dp *dp, uint16_t index, const struct dp_iface_config *config)
{
	struct iface *iface = &dp->ifaces[index < dp->n_ifaces ? index : 0];
	struct dp_iface_config now = *config;
	int rc = check(dp, index, config), rc_mtu;
	uint32_t address = 0;

	if (rc)
		return rc;
	rc_mtu = fit_device(dp, iface, &now);
	rc = set_networks(dp, index, &now);
	iface->config = now;
	iface6_publish(iface);
	multicast_update(dp, iface->main);
	set_word(&iface->mtu, now.mtu);
	set_word(&iface->mtu6, now.mtu6);
	if (now.network.addr.family == 4 && now.up)
		address = rte_cpu_to_be_32(addr_v4_host(&now.address));
	set_word(&iface->address, address);
	set_word(&iface->mss, mss_pack(now.mss, now.mss6));
	mss_watch(dp);
	set_word(&iface->flags, flags_of(&now));
	return rc ? rc : rc_mtu ? -EMSGSIZE : 0;
}

bool dp_iface_has_network(const struct dp *dp, uint16_t index, const struct ip_prefix *network)
{
	const struct dp_iface_config *config = &dp->ifaces[index < dp->n_ifaces ? index : 0].config;

	if (index >= dp->n_ifaces || !config->up)
		return false;
	for (unsigned i = 0; i < config->n_addresses6; i++)
		if (prefix_equal(&config->addresses6[i].network, network))
			return true;
	return config->network.addr.family && prefix_equal(&config->network, network);
}

uint16_t dp_iface_mtu6(const struct dp *dp, uint16_t index)
{
	return index < dp->n_ifaces ? (uint16_t)dp->ifaces[index].config.mtu6 : 0;
}

static uint64_t dropped_on_tx(const struct dp *dp, uint16_t iface)
{
	uint64_t sum = dp->ifaces[iface].control_drops;

	for (unsigned i = 0; i < dp->n_workers; i++)
		sum += __atomic_load_n(&dp->workers[i]->tx[iface].dropped, __ATOMIC_RELAXED);
	return sum;
}

void dp_iface_mac(const struct dp *dp, uint16_t index, uint8_t mac[6])
{
	memset(mac, 0, 6);
	if (index < dp->n_ifaces)
		memcpy(mac, dp->ifaces[index].mac.addr_bytes, 6);
}

uint16_t dp_iface_mtu_max(const struct dp *dp, uint16_t index)
{
	return index < dp->n_ifaces ? dp->ifaces[index].mtu_max : 0;
}

uint64_t iface_rings_full(const struct dp *dp, uint16_t iface)
{
	uint64_t sum = 0;

	for (unsigned w = 0; dp->ifaces[iface].ring_slots && w < dp->n_workers; w++)
		for (unsigned q = 0; q < dp->workers[w]->n_rxqs; q++)
			if (dp->workers[w]->rxqs[q].iface == iface)
				sum += memif_ring_full(&dp->workers[w]->rxqs[q].ring);
	return sum;
}

void dp_iface_info(const struct dp *dp, uint16_t index, struct dp_iface_info *out)
{
	const struct iface *iface = &dp->ifaces[index < dp->n_ifaces ? index : 0];
	struct rte_eth_dev_info info;
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	memset(out, 0, sizeof(*out));
	if (index >= dp->n_ifaces)
		return;
	out->mtu_max = iface->mtu_max;
	memcpy(out->mac, iface->mac.addr_bytes, sizeof(out->mac));
	if (link_read(dp, iface, &link)) {
		out->link_up = link.link_status == RTE_ETH_LINK_UP;
		out->speed_mbps =
			link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	}
	if (rte_eth_dev_info_get(iface->port, &info) == 0)
		snprintf(out->driver, sizeof(out->driver), "%s", info.driver_name);
	out->tx_dropped = dropped_on_tx(dp, index);
	if (iface->sub) {
		struct vlan_count c;

		vlan_counts(dp, index, &c);
		out->rx_packets = c.rx_packets;
		out->rx_bytes = c.rx_bytes;
		out->tx_packets = c.tx_packets;
		out->tx_bytes = c.tx_bytes;
	} else if (port_stats(dp, iface, &stats)) {
		out->rx_packets = stats.ipackets;
		out->rx_bytes = stats.ibytes;
		out->rx_missed = stats.imissed + stats.rx_nombuf;
		out->rx_full = iface_rings_full(dp, index);
		out->rx_errors = stats.ierrors;
		out->tx_packets = stats.opackets;
		out->tx_bytes = stats.obytes;
		out->tx_errors = stats.oerrors;
	}
}
