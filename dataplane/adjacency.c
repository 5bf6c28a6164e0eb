// The last step before a port: the next hop's MAC address. [W] A packet whose neighbour is not
// known waits here, at most 4 for each neighbour, while the control core asks by ARP; it hears of
// the first one by one event. [C] writes the table.
#include "adjacency.h"

#include <errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lcore.h>

#include "addr.h"

#define NEIGHBOURS   65536
#define WAITS        64 // neighbours that are waited for, for each worker
#define WAIT_PACKETS 4
#define WAIT_TICKS   (3 * TICKS_PER_SECOND)
#define MAC_KNOWN    (1ull << 48)

struct adjacencies {
	struct rte_hash *macs; // struct key -> MAC_KNOWN | MAC, as a pointer-sized number
};

struct key {
	uint32_t addr; // network order
	uint32_t iface;
};

struct adjacency_wait {
	struct key key;
	tick_t since;
	uint8_t n; // 0 = free
	bool asked;
	struct rte_mbuf *pkts[WAIT_PACKETS];
};

int adjacency_init(struct dp *dp)
{
	struct rte_hash_parameters params = {
		.name = "neighbours",
		.entries = NEIGHBOURS,
		.key_len = sizeof(struct key),
		.hash_func = rte_hash_crc,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};
	struct rte_hash_rcu_config rcu = {.v = dp->rcu, .mode = RTE_HASH_QSBR_MODE_DQ};

	params.socket_id = (int)rte_socket_id();
	dp->adjacencies = calloc(1, sizeof(*dp->adjacencies));
	if (!dp->adjacencies)
		return -ENOMEM;
	dp->adjacencies->macs = rte_hash_create(&params);
	if (!dp->adjacencies->macs || rte_hash_rcu_qsbr_add(dp->adjacencies->macs, &rcu))
		return -ENOMEM;
	return 0;
}

void adjacency_fini(struct dp *dp)
{
	if (!dp->adjacencies)
		return;
	rte_hash_free(dp->adjacencies->macs);
	free(dp->adjacencies);
	dp->adjacencies = NULL;
}

int adjacency_wait_init(struct worker *w)
{
	w->waits = calloc(WAITS, sizeof(*w->waits));
	return w->waits ? 0 : -ENOMEM;
}

void adjacency_wait_fini(struct worker *w)
{
	for (unsigned i = 0; w->waits && i < WAITS; i++)
		rte_pktmbuf_free_bulk(w->waits[i].pkts, w->waits[i].n);
	free(w->waits);
	w->waits = NULL;
}

bool adjacency_find(const struct dp *dp, uint16_t iface, uint32_t addr, struct rte_ether_addr *mac)
{
	const struct key key = {.addr = addr, .iface = iface};
	uint64_t value;
	void *data;

	if (rte_hash_lookup_data(dp->adjacencies->macs, &key, &data) < 0)
		return false;
	value = (uintptr_t)data;
	memcpy(mac->addr_bytes, &value, sizeof(mac->addr_bytes));
	return value & MAC_KNOWN;
}

bool adjacency_header(struct rte_mbuf *m, const struct iface *iface,
                      const struct rte_ether_addr *to)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)rte_pktmbuf_prepend(m, sizeof(*eth));

	if (!eth)
		return false;
	eth->dst_addr = *to;
	eth->src_addr = iface->mac;
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	return true;
}

// ---- waiting packets -------------------------------------------------------------------------

static struct adjacency_wait *wait_find(struct worker *w, uint16_t iface, uint32_t addr)
{
	for (unsigned i = 0; i < WAITS; i++) {
		struct adjacency_wait *wait = &w->waits[i];

		if (wait->n && wait->key.addr == addr && wait->key.iface == iface)
			return wait;
	}
	return NULL;
}

static struct adjacency_wait *wait_start(struct worker *w, uint16_t iface, uint32_t addr)
{
	for (unsigned i = 0; i < WAITS; i++) {
		struct adjacency_wait *wait = &w->waits[i];

		if (wait->n)
			continue;
		*wait = (struct adjacency_wait){.key = {.addr = addr, .iface = iface},
		                                .since = w->now};
		return wait;
	}
	return NULL;
}

static void wait_ask(struct worker *w, struct adjacency_wait *wait)
{
	const struct dp_event event = {
		.kind = DP_EVENT_NEIGHBOUR_WANTED,
		.iface = (uint16_t)wait->key.iface,
		.addr = addr_v4(rte_be_to_cpu_32(wait->key.addr)),
	};

	if (!wait->asked)
		wait->asked = worker_event(w, &event);
}

static void hold(struct worker *w, struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	struct adjacency_wait *wait = wait_find(w, p->out, p->next_hop);

	if (!wait)
		wait = wait_start(w, p->out, p->next_hop);
	if (!wait || wait->n == WAIT_PACKETS) {
		worker_drop(w, m, DROP_NEIGHBOUR_FULL);
		return;
	}
	wait->pkts[wait->n++] = m;
	wait_ask(w, wait);
}

static void wait_drop(struct worker *w, struct adjacency_wait *wait)
{
	worker_count_n(w, DROP_NEIGHBOUR_TIMEOUT, wait->n);
	rte_pktmbuf_free_bulk(wait->pkts, wait->n);
	wait->n = 0;
}

void adjacency_release(struct worker *w, uint16_t iface, uint32_t addr)
{
	struct adjacency_wait *wait = wait_find(w, iface, addr);
	struct rte_mbuf *pkts[WAIT_PACKETS];
	uint16_t n;

	if (!wait)
		return;
	n = wait->n;
	memcpy(pkts, wait->pkts, n * sizeof(*pkts));
	wait->n = 0;
	n = adjacency(w, pkts, n);
	tx(w, pkts, n);
}

void adjacency_give_up(struct worker *w, uint16_t iface, uint32_t addr)
{
	struct adjacency_wait *wait = wait_find(w, iface, addr);

	if (wait)
		wait_drop(w, wait);
}

void adjacency_tick(struct worker *w)
{
	for (unsigned i = 0; i < WAITS; i++) {
		struct adjacency_wait *wait = &w->waits[i];

		if (wait->n && tick_diff(w->now, wait->since) > (int32_t)WAIT_TICKS)
			wait_drop(w, wait);
		else if (wait->n)
			wait_ask(w, wait);
	}
}

uint16_t adjacency(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct key last = {.iface = UINT32_MAX};
	struct rte_ether_addr mac;
	bool known = false;
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct packet *p = packet_of(pkts[i]);

		// A burst mostly goes one way: one look-up for a run of the same next hop.
		if (p->next_hop != last.addr || p->out != last.iface) {
			last = (struct key){.addr = p->next_hop, .iface = p->out};
			known = adjacency_find(w->dp, p->out, p->next_hop, &mac);
		}
		if (!known)
			hold(w, pkts[i]);
		else if (!adjacency_header(pkts[i], &w->dp->ifaces[p->out], &mac))
			worker_drop(w, pkts[i], DROP_NO_BUFFER);
		else
			pkts[k++] = pkts[i];
	}
	return k;
}

// ---- the contract, [C] -----------------------------------------------------------------------

static int tell(struct dp *dp, enum message_kind kind, const struct key *key)
{
	const struct message msg = {
		.kind = (uint16_t)kind, .iface = (uint16_t)key->iface, .addr = key->addr};

	return message_broadcast(dp, &msg);
}

int dp_neighbour_set(struct dp *dp, uint16_t iface, const struct ip_addr *addr,
                     const uint8_t mac[6])
{
	struct key key = {.iface = iface};
	uint64_t value = MAC_KNOWN;
	int rc;

	if (iface >= dp->n_ifaces)
		return -EINVAL;
	if (addr->family != 4)
		return -EAFNOSUPPORT;
	key.addr = rte_cpu_to_be_32(addr_v4_host(addr));
	memcpy(&value, mac, RTE_ETHER_ADDR_LEN); // the low six bytes: x86 is little-endian
	rc = rte_hash_add_key_data(dp->adjacencies->macs, &key, (void *)(uintptr_t)value);
	return rc < 0 ? rc : tell(dp, MESSAGE_NEIGHBOUR, &key);
}

void dp_neighbour_del(struct dp *dp, uint16_t iface, const struct ip_addr *addr)
{
	struct key key = {.iface = iface};

	if (iface >= dp->n_ifaces || addr->family != 4)
		return;
	key.addr = rte_cpu_to_be_32(addr_v4_host(addr));
	rte_hash_del_key(dp->adjacencies->macs, &key);
	tell(dp, MESSAGE_NEIGHBOUR_GONE, &key);
}
