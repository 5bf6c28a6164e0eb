// Packet memory. [C] before launch. Every packet is one piece of memory with room for ESP around
// it, so that no stage and no port needs to know of chains. With jumbo frames that is done by
// larger packets if there is memory for them; if not, ports deliver long frames in pieces, and
// join.c puts them into one of the big packets.
#include "pool.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <stdio.h>

#include "port.h"
#include "reassemble.h"

#define CACHE          256
#define A_WORKER_HOLDS 6144 // punt rings, reassembly, held packets, bursts
#define POOL_BASE      2048u
#define POOL_MIN       4096u
#define BIG_PACKETS    256u
#define VLAN_TAGS      8 // two of them
#define ROUND          64u

#define BIG_ROOM (REASSEMBLE_MAX + POOL_TAIL)

// Memory of one packet with so much room, with what the mempool puts around it.
static uint32_t size_of(uint32_t room)
{
	return room + RTE_PKTMBUF_HEADROOM + PACKET_PRIV_SIZE + (uint32_t)sizeof(struct rte_mbuf) +
	       RTE_CACHE_LINE_SIZE;
}

static uint32_t room_for(uint16_t mtu)
{
	uint32_t frame = mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + VLAN_TAGS;

	return mtu <= POOL_MTU_SMALL ? POOL_ROOM_SMALL : RTE_ALIGN_CEIL(frame + POOL_TAIL, ROUND);
}

int pool_plan_make(uint32_t packets, uint16_t mtu, unsigned nodes, unsigned memory_mb, bool scatter,
                   struct pool_plan *out)
{
	uint64_t budget = (uint64_t)memory_mb * 1024 * 1024 / 3, each = budget / nodes;
	struct pool_plan plan = {.room = room_for(mtu), .n_big = BIG_PACKETS, .mtu = mtu};

	if (mtu <= POOL_MTU_SMALL)
		plan.mtu = POOL_MTU_SMALL;
	plan.n = (uint32_t)RTE_MIN(packets, each / size_of(plan.room));
	if (plan.n < packets && mtu > POOL_MTU_SMALL && scatter) {
		uint64_t big = budget / 3;

		plan.scatter = true;
		plan.mtu = POOL_MTU_SMALL;
		plan.room = POOL_ROOM_SMALL;
		plan.n_big = (uint32_t)RTE_MAX(BIG_PACKETS, big / size_of(BIG_ROOM));
		plan.n = (uint32_t)RTE_MIN(packets, (budget - big) / nodes / size_of(plan.room));
	}
	*out = plan;
	return plan.n < POOL_MIN ? -ENOMEM : 0;
}

// Does the port deliver a frame that is longer than its buffers in pieces? Some virtual devices do
// without saying so.
static bool scatters(const struct rte_eth_dev_info *info)
{
	static const char *const always[] = {"net_memif", "net_null", "net_pcap", "net_ring"};

	for (unsigned i = 0; i < RTE_DIM(always); i++)
		if (strcmp(info->driver_name, always[i]) == 0)
			return true;
	return info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
}

// What the ports have in common that matters here.
struct needs {
	uint16_t mtu;
	bool scatter;
	bool node[RTE_MAX_NUMA_NODES];
	unsigned nodes;
};

static unsigned node_of(uint16_t port)
{
	int node = rte_eth_dev_socket_id(port);

	return node >= 0 && node < RTE_MAX_NUMA_NODES ? (unsigned)node : 0;
}

static void needs_find(const struct dp_config *config, struct needs *out)
{
	*out = (struct needs){.mtu = RTE_ETHER_MTU, .scatter = true};
	for (unsigned i = 0; i < config->n_ports; i++) {
		const struct dp_port_config *p = &config->ports[i];
		struct rte_eth_dev_info info;
		uint16_t port;

		// A port that is not there is port_open()'s to complain about.
		if (port_find(p->device, &port) || rte_eth_dev_info_get(port, &info))
			continue;
		out->mtu = RTE_MAX(out->mtu, p->mtu);
		if (p->mtu > POOL_MTU_SMALL)
			out->scatter &= scatters(&info);
		out->nodes += !out->node[node_of(port)];
		out->node[node_of(port)] = true;
	}
	if (out->nodes == 0) {
		out->node[0] = true;
		out->nodes = 1;
	}
}

// Relaxed tail synchronisation: lcores may share a CPU, and a producer that was put aside must not
// hold up the others.
static struct rte_mempool *make(const char *name, uint32_t n, uint32_t cache, uint32_t room,
                                int node)
{
	return rte_pktmbuf_pool_create_by_ops(name, n, cache, PACKET_PRIV_SIZE,
	                                      (uint16_t)(room + RTE_PKTMBUF_HEADROOM), node,
	                                      "ring_mt_rts");
}

static int make_all(struct dp *dp, const struct needs *needs, const struct pool_plan *plan)
{
	char name[RTE_MEMPOOL_NAMESIZE] = "packets";

	for (unsigned node = 0; node < RTE_MAX_NUMA_NODES; node++) {
		if (!needs->node[node])
			continue;
		// Without hugepages memory has no node, or the first.
		dp->pools[node] = make(name, plan->n, CACHE, plan->room,
		                       needs->nodes > 1 ? (int)node : SOCKET_ID_ANY);
		if (!dp->pools[node])
			dp->pools[node] = make(name, plan->n, CACHE, plan->room, SOCKET_ID_ANY);
		if (!dp->pools[node])
			return -ENOMEM;
		if (!dp->pool)
			dp->pool = dp->pools[node];
		snprintf(name, sizeof(name), "packets_node%u", node + 1);
	}
	dp->pool_big = make("packets_big", plan->n_big, 0, BIG_ROOM, SOCKET_ID_ANY);
	return dp->pool_big ? 0 : -ENOMEM;
}

int pool_create(struct dp *dp, const struct dp_config *config, char *err, size_t err_size)
{
	uint32_t packets = POOL_BASE +
	                   config->n_ports * (dp->n_workers + 1) * 2 * PORT_DESCRIPTORS +
	                   dp->n_workers * (A_WORKER_HOLDS + 2 * CACHE);
	struct pool_plan plan;
	struct needs needs;

	needs_find(config, &needs);
	if (pool_plan_make(packets, needs.mtu, needs.nodes, config->memory_mb, needs.scatter,
	                   &plan)) {
		snprintf(err, err_size,
		         "%u MB of memory is too little for packet buffers of %u bytes: at least "
		         "%u",
		         config->memory_mb, plan.room,
		         POOL_MIN * size_of(plan.room) / (1024 * 1024) * 3 * needs.nodes + 3);
		return -ENOMEM;
	}
	dp->pool_mtu = plan.mtu;
	dp->scatter = plan.scatter;
	if (make_all(dp, &needs, &plan)) {
		snprintf(err, err_size, "no memory for %u packet buffers of %u bytes", plan.n,
		         size_of(plan.room));
		return -ENOMEM;
	}
	return 0;
}

void pool_free(struct dp *dp)
{
	rte_mempool_free(dp->pool_big);
	for (unsigned node = 0; node < RTE_MAX_NUMA_NODES; node++) {
		rte_mempool_free(dp->pools[node]);
		dp->pools[node] = NULL;
	}
	dp->pool = NULL;
	dp->pool_big = NULL;
}

struct rte_mempool *pool_of_port(const struct dp *dp, uint16_t port)
{
	struct rte_mempool *pool = dp->pools[node_of(port)];

	return pool ? pool : dp->pool;
}
