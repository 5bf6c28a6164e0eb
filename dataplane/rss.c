// Receive side scaling, by addresses alone where the device can: all packets between two hosts come
// to one worker, and the control core can say to which, so that native ESP reaches the owner of its
// SA without a handoff. [C] A port that cannot say is spread in software by nobody: its queues are
// dealt out as they are.
#include "rss.h"

#include <errno.h>
#include <rte_hash_crc.h>
#include <rte_thash.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "route.h"

#define KEY_LEN_DEFAULT 40

// The key of Microsoft's verification suite, repeated when a device wants more.
static const uint8_t key_bytes[KEY_LEN_DEFAULT] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

// By which ESP of either family is spread by its addresses.
#define ESP_BY_ADDRESS                                                                             \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 |                    \
	 RTE_ETH_RSS_NONFRAG_IPV6_OTHER)

// What to ask for of those that a device has. Some know no hash of a whole family: i40e takes each
// kind of packet for itself, ENA TCP and UDP alone. What is not named comes to one queue there, so
// TCP and UDP are, by their ports too: a flow, and ESP in UDP of a pair of gateways, stays
// together.
static uint64_t types_of(uint64_t has)
{
	uint64_t types = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER |
	                 RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER;

	if (!(has & RTE_ETH_RSS_IPV4))
		types |= RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP;
	if (!(has & RTE_ETH_RSS_IPV6))
		types |= RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
	return types & has;
}

int rss_configure(struct iface *iface, const struct rte_eth_dev_info *info,
                  struct rte_eth_conf *conf)
{
	uint64_t usable = types_of(info->flow_type_rss_offloads);
	uint16_t len = info->hash_key_size ? info->hash_key_size : KEY_LEN_DEFAULT;

	if (iface->n_rx < 2 || usable == 0 || len < KEY_LEN_DEFAULT)
		return 0;
	iface->rss_key = malloc(len);
	if (!iface->rss_key)
		return -ENOMEM;
	for (uint16_t i = 0; i < len; i++)
		iface->rss_key[i] = key_bytes[i % KEY_LEN_DEFAULT];
	iface->rss_key_len = len;
	iface->rss_esp = usable & ESP_BY_ADDRESS;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
		.rss_key = iface->rss_key, .rss_key_len = (uint8_t)len, .rss_hf = usable};
	return 0;
}

// Some (vmxnet3, mlx5) say only now how long it is.
static uint16_t table_size(const struct iface *iface)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(iface->port, &info) ? 0 : info.reta_size;
}

void rss_read_table(struct iface *iface)
{
	struct rte_eth_rss_reta_entry64 *groups;
	uint16_t size;

	if (!iface->rss_key || !iface->rss_esp)
		return;
	size = table_size(iface);
	if (size == 0)
		return;
	iface->rss_reta_size = size;
	groups = calloc(size / RTE_ETH_RETA_GROUP_SIZE + 1u, sizeof(*groups));
	iface->rss_reta = calloc(size, sizeof(*iface->rss_reta));
	for (uint16_t i = 0; groups && i < size; i += RTE_ETH_RETA_GROUP_SIZE)
		groups[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
	if (!groups || !iface->rss_reta || rte_eth_dev_rss_reta_query(iface->port, groups, size)) {
		free(iface->rss_reta);
		iface->rss_reta = NULL;
		free(groups);
		return;
	}
	for (uint16_t i = 0; i < size; i++)
		iface->rss_reta[i] =
			groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	free(groups);
}

void rss_free(struct iface *iface)
{
	free(iface->rss_key);
	free(iface->rss_reta);
	iface->rss_key = NULL;
	iface->rss_reta = NULL;
}

static uint32_t hash4(const struct iface *iface, const struct ip_addr *src,
                      const struct ip_addr *dst)
{
	struct rte_ipv4_tuple tuple = {.src_addr = addr_v4_host(src),
	                               .dst_addr = addr_v4_host(dst)};

	return rte_softrss((uint32_t *)&tuple, RTE_THASH_V4_L3_LEN, iface->rss_key);
}

static uint32_t hash6(const struct iface *iface, const struct ip_addr *src,
                      const struct ip_addr *dst)
{
	union rte_thash_tuple tuple = {0};
	struct rte_ipv6_hdr ip;

	memcpy(ip.src_addr, src->bytes, sizeof(ip.src_addr));
	memcpy(ip.dst_addr, dst->bytes, sizeof(ip.dst_addr));
	rte_thash_load_v6_addrs(&ip, &tuple);
	return rte_softrss((uint32_t *)&tuple, RTE_THASH_V6_L3_LEN, iface->rss_key);
}

static uint16_t queue_for(const struct iface *iface, const struct ip_addr *src,
                          const struct ip_addr *dst)
{
	uint64_t words[4]; // aligned, as the hash reads them
	uint32_t hash;

	if (iface->n_rx < 2)
		return 0;
	if (!iface->rss_reta) {
		memcpy(words, src->bytes, sizeof(src->bytes));
		memcpy(words + 2, dst->bytes, sizeof(dst->bytes));
		return (uint16_t)(rte_hash_crc(words, sizeof(words), 0) % iface->n_rx);
	}
	hash = src->family == 6 ? hash6(iface, src, dst) : hash4(iface, src, dst);
	return iface->rss_reta[hash % iface->rss_reta_size];
}

unsigned port_worker_for(const struct dp *dp, const struct ip_addr *src, const struct ip_addr *dst)
{
	const struct routes *routes = dp->routes;
	uint16_t way = src->family == 6 ? route_lookup6(routes, src->bytes)
	                                : route_lookup(routes, rte_cpu_to_be_32(addr_v4_host(src)));
	const struct route_hop *hop = route_hop(routes, way);
	uint16_t index = hop->iface < dp->n_ifaces ? dp->ifaces[hop->iface].main : 0;

	return iface_worker(dp, &dp->ifaces[index], queue_for(&dp->ifaces[index], src, dst));
}
