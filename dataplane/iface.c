// The contract's interfaces: settings that may change while packets flow, and what a port says of
// itself. [C] Each word that workers read stands for itself; the routes follow the settings.
#include <errno.h>
#include <rte_ethdev.h>
#include <stdio.h>

#include "addr.h"
#include "iface6.h"
#include "link.h"
#include "mss.h"
#include "port.h"
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

struct connected {
	uint32_t network, broadcast, address; // host order
	uint8_t len;
};

// False: the interface has no IPv4 routes of its own.
static bool connected_of(const struct dp_iface_config *config, struct connected *c)
{
	if (config->network.addr.family != 4 || !config->up)
		return false;
	c->len = config->network.len;
	c->network = addr_v4_host(&config->network.addr);
	c->address = addr_v4_host(&config->address);
	c->broadcast = c->len ? c->network | (uint32_t)(UINT32_MAX >> c->len >> (c->len == 32))
	                      : UINT32_MAX;
	if (c->len == 32)
		c->broadcast = c->network;
	return true;
}

static int add4(struct dp *dp, uint16_t iface, uint32_t addr, uint8_t len, enum route_kind kind)
{
	const struct ip_prefix prefix = {.addr = addr_v4(addr), .len = len};

	return route_iface_add(dp, &prefix, iface, kind);
}

static void del4(struct dp *dp, uint16_t iface, uint32_t addr, uint8_t len)
{
	const struct ip_prefix prefix = {.addr = addr_v4(addr), .len = len};

	route_iface_del(dp, &prefix, iface);
}

static void routes_del(struct dp *dp, uint16_t iface, const struct connected *c)
{
	del4(dp, iface, c->address, 32);
	if (c->len < 31) {
		del4(dp, iface, c->broadcast, 32);
		del4(dp, iface, c->network, 32);
	}
	if (c->len < 32)
		del4(dp, iface, c->network, c->len);
}

// RFC 3021: a /31 has neither network nor broadcast address.
static int routes_add(struct dp *dp, uint16_t iface, const struct connected *c)
{
	int rc = add4(dp, iface, c->address, 32, ROUTE_LOCAL);

	if (rc == 0 && c->len < 32)
		rc = add4(dp, iface, c->network, c->len, ROUTE_CONNECTED);
	if (rc == 0 && c->len < 31)
		rc = add4(dp, iface, c->broadcast, 32, ROUTE_BROADCAST);
	if (rc == 0 && c->len < 31)
		rc = add4(dp, iface, c->network, 32, ROUTE_BROADCAST);
	if (rc)
		routes_del(dp, iface, c);
	return rc;
}

// The device's own limit is only raised; ours cuts what goes out.
static int set_device_mtu(const struct iface *iface, uint16_t mtu)
{
	uint16_t now;
	int rc;

	if (rte_eth_dev_get_mtu(iface->port, &now) || mtu <= now)
		return 0;
	rc = rte_eth_dev_set_mtu(iface->port, mtu);
	// Some have no such setting, or a wrong limit: what fits their buffers passes.
	return rc == -ENOTSUP || iface->mtu_device == UINT16_MAX ? 0 : rc;
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
	struct connected before, after;
	bool had, has;
	int rc = check(dp, index, config);

	if (rc == 0)
		rc = set_device_mtu(iface, RTE_MAX(config->mtu, config->mtu6));
	if (rc)
		return rc;
	rc = iface6_routes(dp, index, &iface->config, config);
	if (rc)
		return rc;
	had = connected_of(&iface->config, &before);
	has = connected_of(config, &after);
	if (had && (!has || memcmp(&before, &after, sizeof(after)) != 0))
		routes_del(dp, index, &before);
	if (has)
		rc = routes_add(dp, index, &after);
	if (rc) {
		if (had)
			routes_add(dp, index, &before);
		iface6_routes(dp, index, config, &iface->config);
		return rc;
	}
	iface->config = *config;
	iface6_publish(iface);
	set_word(&iface->mtu, config->mtu);
	set_word(&iface->mtu6, config->mtu6);
	set_word(&iface->address, has ? rte_cpu_to_be_32(after.address) : 0);
	set_word(&iface->mss, mss_pack(config->mss, config->mss6));
	mss_watch(dp);
	set_word(&iface->flags, flags_of(config));
	return 0;
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
	if (link_read(iface, &link)) {
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
	} else if (rte_eth_stats_get(iface->port, &stats) == 0) {
		out->rx_packets = stats.ipackets;
		out->rx_bytes = stats.ibytes;
		out->rx_missed = stats.imissed + stats.rx_nombuf;
		out->rx_errors = stats.ierrors;
		out->tx_packets = stats.opackets;
		out->tx_bytes = stats.obytes;
		out->tx_errors = stats.oerrors;
	}
}
